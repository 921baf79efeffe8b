import FoundationEssentials
import Sealing
import Testing

@testable import DeltaLog

/// A directory of its own, a key, and short ways to make logs in it. The directory goes with the fixture.
final class LogFixture {
    let directory: String
    let replicaKey: SealingKey
    let protection = UUID()
    let disks = [
        DeltaLogDisk(target: "vda", sizeBytes: 64 << 20), DeltaLogDisk(target: "vdb", sizeBytes: 1 << 40),
    ]
    let guest = GuestConfiguration(
        definition: "<domain><name>töst</name></domain>", nvram: [UInt8](repeating: 0xFF, count: 3_000))

    init() throws {
        directory = "/tmp/bsc-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
        replicaKey = try SealingKey.random()
    }

    deinit {
        do {
            try FileManager.default.removeItem(atPath: directory)
        } catch {
            Issue.record("the test's directory could not be removed: \(error)")
        }
    }

    func path(_ name: String) -> String { "\(directory)/\(name).hrl" }

    func identifier(_ cycle: UInt64) -> PointIdentifier {
        guard cycle > 0, let identifier = PointIdentifier(bytes: [UInt8](repeating: UInt8(cycle), count: 16)) else {
            return .none
        }
        return identifier
    }

    func header(cycle: UInt64 = 1, parent: UInt64? = nil) -> DeltaLogHeader {
        let parent = parent ?? cycle - 1
        return DeltaLogHeader(
            protection: protection, cycle: cycle, parentCycle: parent, pointIdentifier: identifier(cycle),
            parentPointIdentifier: identifier(parent), capturedUnixMilliseconds: 1_700_000_000_000 + Int64(cycle),
            consistency: .crash, generation: 3, disks: disks)
    }

    func writer(_ name: String = "log", cycle: UInt64 = 1, parent: UInt64? = nil) throws -> DeltaLogWriter {
        try DeltaLogWriter.create(
            path: path(name), header: header(cycle: cycle, parent: parent), guest: guest, replicaKey: replicaKey)
    }

    func reader(_ name: String = "log", index: DeltaLogReader.IndexUse = .kept) throws -> DeltaLogReader {
        try DeltaLogReader(path: path(name), replicaKey: replicaKey, index: index)
    }

    func bytes(_ name: String = "log") throws -> [UInt8] {
        Array(try Data(contentsOf: URL(fileURLWithPath: path(name))))
    }

    func replace(_ name: String = "log", with bytes: [UInt8]) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: path(name)))
    }

    /// Everything a reader can be asked for.
    func readAll(_ bytes: [UInt8]) throws {
        let reader = try DeltaLogReader(
            source: MemorySource(bytes: bytes), path: "memory", replicaKey: replicaKey, index: .kept)
        _ = try reader.guest()
        try reader.verify()
    }

    /// A complete log of one attempt.
    @discardableResult
    func log(
        _ name: String = "log", cycle: UInt64 = 1, parent: UInt64? = nil,
        preference: CompressionPreference = .automatic, writes: [DiskWrite]
    ) throws -> DeltaLogSummary {
        let writer = try writer(name, cycle: cycle, parent: parent)
        var sealer = try RecordSealer(key: writer.cycleKey, attempt: 7, preference: preference)
        for write in writes {
            let record = try write.record(&sealer)
            try writer.append(record: record.span.bytes, attempt: 7)
        }
        _ = try writer.finishAttempt(7)
        return try writer.commit(attempts: [7])
    }
}

extension DeltaLogReader {
    /// The whole extent's data.
    func data(_ extent: DeltaLogExtent) throws -> [UInt8] {
        try [UInt8](unsafeUninitializedCapacity: Int(extent.length)) { memory, count in
            let bytes = UnsafeMutableRawBufferPointer(memory)
            try read(extent, into: UnsafeMutableRawBufferPointer(rebasing: bytes[..<Int(extent.length)]))
            count = Int(extent.length)
        }
    }
}
