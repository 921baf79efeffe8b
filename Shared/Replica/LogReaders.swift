internal import DeltaLog
internal import Sealing
internal import Synchronization

/// The logs beneath a point, opened when they are first read from and closed again when too many are open.
final class LogReaders: Sendable {
    fileprivate struct Opened {
        var readers: [UInt32: (reader: DeltaLogReader, lastUse: UInt64)] = [:]
        var uses: UInt64 = 0
    }

    private let paths: [String]
    private let replicaKey: SealingKey
    private let opened = Mutex(Opened())

    /// - Parameter paths: oldest first; an entry of the index names a log by its position here.
    init(paths: [String], replicaKey: SealingKey) {
        self.paths = paths
        self.replicaKey = replicaKey
    }

    func read(_ entry: ExtentIndex.Entry, from start: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws {
        try ReplicaError.translating {
            try reader(of: entry.log).read(entry.extent, from: start, into: buffer)
        }
    }

    private func reader(of log: UInt32) throws -> DeltaLogReader {
        if let reader = opened.withLock({ $0.use(log) }) { return reader }
        // Opened outside the lock, because that reads the file; a second thread may open the same log in vain.
        let reader = try DeltaLogReader(path: paths[Int(log)], replicaKey: replicaKey, index: .unread)
        return opened.withLock { $0.keep(reader, of: log) }
    }
}

extension LogReaders.Opened {
    fileprivate mutating func use(_ log: UInt32) -> DeltaLogReader? {
        guard let reader = readers[log]?.reader else { return nil }
        uses += 1
        readers[log] = (reader, uses)
        return reader
    }

    fileprivate mutating func keep(_ reader: DeltaLogReader, of log: UInt32) -> DeltaLogReader {
        if let other = use(log) { return other }
        if readers.count >= ReplicaLimits.openLogsPerView,
            let oldest = readers.min(by: { $0.value.lastUse < $1.value.lastUse })?.key
        {
            readers[oldest] = nil
        }
        uses += 1
        readers[log] = (reader, uses)
        return reader
    }
}
