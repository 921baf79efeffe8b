package import Sealing
internal import Synchronization

/// Reads one complete delta log. Safe to use from several threads.
///
/// Memory: header and key table (40 bytes per merged cycle), 32 bytes per extent if the index is kept, and the
/// process-wide workbenches that `DeltaLogLimits` bounds. One open file.
package final class DeltaLogReader: Sendable {
    /// How much of the index opening a log reads.
    package enum IndexUse: Sendable {
        /// Header and trailer alone: enough to list points.
        case unread
        /// Read and checked, not kept.
        case checked
        /// Read, checked and kept: 32 bytes per extent.
        case kept
    }

    package let path: String
    package var header: DeltaLogHeader { log.fileHeader.header }
    package var summary: DeltaLogSummary { log.trailer.summary }
    /// Sorted by disk and offset, without overlaps. Empty unless the index was `.kept`.
    package let extents: [DeltaLogExtent]

    let log: OpenedLog
    /// Tells the records of this reader from those of any other there was in this process.
    private let identity = identities.add(1, ordering: .relaxed).newValue
    private static let identities = Atomic<UInt64>(0)
    private let replicaKey: SealingKey
    /// Derived when first needed, because most logs of a journal are never read.
    private let recordKeys = Mutex<[UInt16: SealingKey]>([:])

    /// Opens a committed log after checking header, trailer and, unless `.unread`, the whole index.
    package convenience init(path: String, replicaKey: SealingKey, index: IndexUse = .kept) throws {
        try self.init(source: LogFile(reading: path), path: path, replicaKey: replicaKey, index: index)
    }

    init(source: some LogSource, path: String, replicaKey: SealingKey, index: IndexUse) throws {
        self.path = path
        self.replicaKey = replicaKey
        (log, extents) = try Self.blaming(path) {
            let log = try OpenedLog(source: source, replicaKey: replicaKey)
            var extents: [DeltaLogExtent] = []
            switch index {
            case .unread: break
            case .checked: try log.forEachExtent { _ in }
            case .kept:
                // The trailer is authentic and its geometry fits the file, so this is less than the file's own size.
                extents.reserveCapacity(Int(log.trailer.extents))
                try log.forEachExtent { extents.append($0) }
            }
            return (log, extents)
        }
    }

    /// Reads and opens the guest's definition and UEFI variables.
    package func guest() throws -> GuestConfiguration {
        try Self.blaming(path) { try log.guest() }
    }

    /// Runs through the index in order with bounded memory. Unless it is kept, it is read and checked again; what
    /// `body` was given counts only once this returns.
    package func forEachExtent(_ body: (DeltaLogExtent) throws -> Void) throws {
        guard extents.isEmpty else { return try extents.forEach(body) }
        try Self.blaming(path) { try log.forEachExtent(body) }
    }

    /// Says that the extent will be read soon, so that its record is fetched meanwhile. Worth its call where many are
    /// read in a row: the order of the index is not that of the file.
    package func prepareToRead(_ extent: DeltaLogExtent) {
        log.source.prepare(at: extent.position, count: extent.recordBytes)
    }

    /// Fills `destination` with the extent's bytes from `start` (bytes into the extent) on. Zero extents fill with
    /// zeros without reading the file. The record's seal is opened whole, and the last few are kept.
    package func read(
        _ extent: DeltaLogExtent, from start: UInt64 = 0, into destination: UnsafeMutableRawBufferPointer
    ) throws {
        precondition(start <= extent.length && UInt64(destination.count) <= extent.length - start)
        guard !extent.isZero else { return destination.clear() }
        let name = RecordWorkbench.Name(reader: identity, position: extent.position)
        try Self.blaming(path) {
            try WorkbenchPool.shared.withBench(for: name) { bench in
                try bench.hold(extent, of: name, from: log.source) { try recordKey(extent.keySlot) }
                let data = bench.data(of: extent)[Int(start)..<Int(start) + destination.count]
                destination.copyMemory(from: UnsafeRawBufferPointer(rebasing: data))
            }
        }
    }

    /// Checks every seal, every payload, the guest section and the whole index, with bounded memory; zero records too.
    /// - Parameter progress: called with about the bytes of the file checked since the last call; throwing from it
    ///   stops.
    package func verify(progress: (UInt64) throws -> Void = { _ in }) throws {
        let bench = RecordWorkbench()
        try Self.blaming(path) {
            _ = try log.guest()
            try progress(log.fileHeader.recordsPosition)
            try log.forEachExtent(readingRecords: true) { extent in
                let name = RecordWorkbench.Name(reader: identity, position: extent.position)
                let isNew = bench.held != name
                try bench.hold(extent, of: name, from: log.source) { try recordKey(extent.keySlot) }
                let recordBytes = isNew ? DeltaLogRecordHeader.byteCount + Int(extent.payloadBytes) : 0
                try progress(UInt64(recordBytes + DeltaLogExtent.byteCount))
            }
        }
    }

    func recordKey(_ slot: UInt16) throws -> SealingKey {
        if let known = recordKeys.withLock({ $0[slot] }) { return known }
        let key = try log.fileHeader.recordKey(slot: Int(slot), replicaKey: replicaKey)
        return recordKeys.withLock { keys in
            // The same object for everyone, because workbenches tell keys apart by it.
            if let known = keys[slot] { return known }
            keys[slot] = key
            return key
        }
    }

    /// Faults found in the file's bytes become errors that name it.
    static func blaming<Result>(_ path: String, _ body: () throws -> Result) throws -> Result {
        do { return try body() } catch let fault as FormatFault { throw fault.asFileError(path: path) }
    }
}
