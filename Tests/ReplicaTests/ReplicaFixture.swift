import DeltaLog
import FoundationEssentials
import Glibc
import Sealing
import Testing

@testable import Replica

/// A replica in a directory of its own, fed from a `GuestModel` cycle by cycle. The directory goes with the fixture.
final class ReplicaFixture {
    static let identity = ReplicaIdentity(protection: UUID(), guest: UUID(), guestName: "töst")
    static let firstCapture: Int64 = 1_700_000_000_000

    let parent: String
    let directory: String
    private(set) var replica: Replica
    var guest = GuestModel()
    /// What the disks held at each committed cycle.
    private(set) var history: [UInt64: [String: [UInt8]]] = [:]
    private(set) var newest: UInt64 = 0
    /// Between two captures.
    var intervalMilliseconds: Int64 = 1_000

    init(parent: String = uniqueParent(), failpoints: FailpointHook = .none) throws {
        self.parent = parent
        directory = parent + "/replica"
        try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: false)
        replica = try Replica.create(
            directory: directory, identity: Self.identity, generation: 1, failpoints: failpoints)
    }

    /// Upon disks that were adopted as they are, as cycle 7.
    init(
        adopting guest: GuestModel, in style: GuestImages.Style, isDiverged: Bool = false,
        divergence: Divergence = .anywhere(because: "Nobody said."), parent: String = uniqueParent(),
        failpoints: FailpointHook = .none
    ) throws {
        self.parent = parent
        self.guest = guest
        directory = parent + "/replica"
        newest = 7
        try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: false)
        let images = try GuestImages.make(guest, style: style, in: parent)
        let point = Self.adoptedPoint(guest)
        replica = try Replica.adopt(
            directory: directory, identity: Self.identity, generation: 1,
            point: isDiverged ? .diverged(point) : .exact(point),
            guest: Self.configuration(7), images: images, divergence: divergence, failpoints: failpoints)
        if !isDiverged { history[7] = guest.contents }
        self.guest.clearDirty()
    }

    static func adoptedPoint(_ guest: GuestModel, cycle: UInt64 = 7) -> RecoveryPoint {
        RecoveryPoint(
            cycle: cycle, identifier: PointIdentifier(bytes: (1...16).map { UInt8($0) + UInt8(cycle) }) ?? .none,
            capturedUnixMilliseconds: firstCapture + Int64(cycle) * 1_000, consistency: .crash, storedBytes: 0,
            changedBytes: 0, disks: guest.shape)
    }

    static func configuration(_ cycle: UInt64) -> GuestConfiguration {
        GuestConfiguration(
            definition: "<domain cycle='\(cycle)'/>", nvram: [1, 2, UInt8(truncatingIfNeeded: cycle)])
    }

    static func uniqueParent() -> String { "/tmp/bsc-\(UUID().uuidString.prefix(8))" }

    deinit {
        replica.close()
        do {
            try FileManager.default.removeItem(atPath: parent)
        } catch {
            Issue.record("the test's directory could not be removed: \(error)")
        }
    }

    /// What the next start of the owner finds.
    func reopen(failpoints: FailpointHook = .none) throws {
        replica.close()
        replica = try Replica.open(directory: directory, failpoints: failpoints)
    }

    // MARK: Cycles

    func captured(_ cycle: UInt64) -> Int64 { Self.firstCapture + Int64(cycle) * intervalMilliseconds }

    func opening(
        _ cycle: UInt64, kind: CycleKind, consistency: CaptureConsistency = .crash, generation: UInt64 = 1
    ) -> CycleOpening {
        CycleOpening(
            cycle: cycle, parentCycle: newest, kind: kind, generation: generation,
            capturedUnixMilliseconds: captured(cycle), consistency: consistency, disks: guest.shape,
            guest: Self.configuration(cycle),
            guestName: "töst")
    }

    /// Runs a whole cycle: what the guest wrote since the last goes into the replica, in two attempts, beside one that
    /// is abandoned.
    @discardableResult
    func cycle(
        _ number: UInt64? = nil, kind: CycleKind? = nil, consistency: CaptureConsistency = .crash
    ) throws -> RecoveryPoint {
        let number = number ?? newest + 1
        let kind = kind ?? (newest == 0 ? .full : .incremental)
        let open = try replica.openCycle(opening(number, kind: kind, consistency: consistency))
        try send(open, kind: kind)
        let point = try replica.commit(cycle: number, generation: 1, attempts: [1, 3])
        noteCommitted(number)
        return point
    }

    /// The guest goes back to what it was.
    func returnToPoint(_ cycle: UInt64, guest: GuestModel) {
        history = history.filter { $0.key <= cycle }
        newest = cycle
        self.guest = guest
        self.guest.clearDirty()
    }

    /// Disks that diverged are no point.
    func forgetPoints() { history = [:] }

    func noteCommitted(_ cycle: UInt64) {
        history[cycle] = guest.contents
        newest = cycle
        guest.clearDirty()
    }

    func send(_ open: OpenCycle, kind: CycleKind) throws {
        var first = try RecordSealer(key: open.writer.cycleKey, attempt: 1, preference: .automatic)
        var abandoned = try RecordSealer(key: open.writer.cycleKey, attempt: 2, preference: .none)
        var second = try RecordSealer(key: open.writer.cycleKey, attempt: 3, preference: .zstd)
        let garbage = [UInt8](repeating: 0xEE, count: GuestModel.blockBytes)
        for (disk, blocks) in try blocksToSend(kind).enumerated() {
            for (index, block) in blocks.enumerated() {
                let offset = UInt64(block * GuestModel.blockBytes)
                let noise = try abandoned.sealData(
                    disk: UInt16(disk), offset: offset,
                    bytes: Array(garbage[..<guest.disks[disk].bytes(of: block).count]).span.bytes)
                try open.writer.append(record: noise.span.bytes, attempt: 2)
                let isFirst = index % 2 == 0
                let record = try isFirst ? record(disk, block, &first) : record(disk, block, &second)
                try open.writer.append(record: record.span.bytes, attempt: isFirst ? 1 : 3)
            }
        }
        _ = try open.writer.finishAttempt(1)
        _ = try open.writer.finishAttempt(3)
    }

    private func record(_ disk: Int, _ block: Int, _ sealer: inout RecordSealer) throws -> [UInt8] {
        let range = guest.disks[disk].bytes(of: block)
        let offset = UInt64(range.lowerBound)
        if guest.isZero(disk, block: block) {
            return try sealer.zero(disk: UInt16(disk), offset: offset, length: UInt64(range.count))
        }
        let bytes = Array(guest.disks[disk].bytes[range])
        return try sealer.sealData(disk: UInt16(disk), offset: offset, bytes: bytes.span.bytes)
    }

    private func blocksToSend(_ kind: CycleKind) throws -> [[Int]] {
        switch kind {
        case .full:
            guest.disks.indices.map { disk in
                guest.disks[disk].blocks.filter { !guest.isZero(disk, block: $0) }
            }
        case .incremental: guest.disks.map { $0.dirty.sorted() }
        case .compare: try guest.disks.map(differingBlocks)
        }
    }

    /// What a worker would find by comparing hashes with the parent point.
    private func differingBlocks(_ disk: GuestModel.Disk) throws -> [Int] {
        let parent = try replica.parentView()
        let hashes = try BlockHashes.compute(disk: parent.disk(disk.target), range: 0..<UInt64(disk.bytes.count))
        let perHash = ReplicaLimits.hashBlockBytes / GuestModel.blockBytes
        return disk.blocks.filter { block in
            let number = block / perHash
            let start = number * ReplicaLimits.hashBlockBytes
            let bytes = Array(disk.bytes[start..<min(start + ReplicaLimits.hashBlockBytes, disk.bytes.count)])
            let own =
                bytes.withUnsafeBytes(\.isAllZero)
                ? [UInt8](repeating: 0, count: 16) : Array(SHA256Hasher.digest(of: bytes.span.bytes).prefix(16))
            return own != Array(hashes[number * 16..<number * 16 + 16])
        }
    }

    // MARK: Checks

    /// Every listed point reads as the guest's disks were; its block status calls nothing a hole that is not zero.
    func checkPoints(sourceLocation: SourceLocation = #_sourceLocation) throws {
        try replica.checkPoints(against: history, sourceLocation: sourceLocation)
        #expect(replica.points().last?.cycle ?? 0 == newest, sourceLocation: sourceLocation)
    }
}

extension Replica {
    func checkPoints(
        against history: [UInt64: [String: [UInt8]]], sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        for point in points() {
            let view = try view(cycle: point.cycle)
            try view.check(against: history[point.cycle], sourceLocation: sourceLocation)
        }
    }
}

extension ReplicaView {
    /// Contents by target.
    func contents() throws -> [String: [UInt8]] {
        try Dictionary(uniqueKeysWithValues: disks.map { ($0.target, try $0.bytes()) })
    }

    func check(
        against expected: [String: [UInt8]]?, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        // Not compared within the expectation, because it would print megabytes.
        let held = try contents()
        let isEqual =
            Set(held.keys) == expected.map { Set($0.keys) }
            && held.allSatisfy { target, bytes in
                // Not `==`, which goes element by element in debug builds.
                expected?[target].map { other in
                    bytes.count == other.count && memcmp(bytes, other, bytes.count) == 0
                } ?? false
            }
        #expect(isEqual, "cycle \(point.cycle) is not what the disks held", sourceLocation: sourceLocation)
        #expect(guest.definition == "<domain cycle='\(point.cycle)'/>", sourceLocation: sourceLocation)
        for disk in disks { try disk.checkStretches() }
    }
}

extension DiskView {
    func bytes() throws -> [UInt8] {
        try bytes(in: 0..<sizeBytes)
    }

    func bytes(in range: Range<UInt64>) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0xAA, count: range.count)
        try bytes.withUnsafeMutableBytes { try read(into: $0, at: range.lowerBound) }
        return bytes
    }

    /// Stretches cover the disk in order, and what they call zero is zero.
    func checkStretches() throws {
        let bytes = try bytes()
        var end: UInt64 = 0
        try forEachStretch(in: 0..<sizeBytes) { stretch, content in
            #expect(stretch.lowerBound == end)
            end = stretch.upperBound
            if content == .zero {
                let isZero = bytes.withUnsafeBytes { bytes in
                    UnsafeRawBufferPointer(rebasing: bytes[Int(stretch.lowerBound)..<Int(stretch.upperBound)]).isAllZero
                }
                #expect(isZero)
            }
        }
        #expect(end == sizeBytes)
    }
}

extension ReplicaFixture {
    func files(_ subdirectory: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(
            atPath: subdirectory == ".." ? parent : directory + "/" + subdirectory)
    }

    func permissions(_ name: String) throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: directory + "/" + name)
        return attributes[.posixPermissions] as? Int ?? -1
    }
}
