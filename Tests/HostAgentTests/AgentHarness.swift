import BlockDevice
import DeltaLog
import FoundationEssentials
import Hypervisor
import Logging
import MessageBus
import Messages
import Replica
import Sealing

@testable import HostAgent

/// One agent in this process, spoken to over real sockets, while the test plays policy and worker.
struct AgentHarness: Sendable {
    let protection: String
    let guest: String
    let settings: HostAgentSettings
    let hypervisor: InMemoryHypervisor
    let agent: HostAgentService
    let bus: MessageBus
    let client: RequestClient

    static let diskBytes: UInt64 = 1 << 20

    var replicaDirectory: String { settings.replicaDirectory(of: protection) }

    func send(
        _ request: AgentRequest.OneOf_Request, generation: UInt64 = 1, operation: OperationIdentifier = .random()
    ) async throws -> AgentReply.OneOf_Reply {
        try await client.agent(request, generation: generation, deadline: .seconds(60), operation: operation)
    }

    // MARK: Requests as the policy service makes them

    func capture(
        _ cycle: UInt64, _ kind: Messages.CycleKind, parent: UInt64, generation: UInt64 = 1, keepMs: UInt32 = 20_000
    ) async throws -> CaptureOpened {
        var request = OpenCapture()
        request.protection = protection
        request.guestUuid = guest
        request.cycle = cycle
        request.kind = kind
        request.parentCycle = parent
        request.consistency = .crash
        request.keepMs = keepMs
        request.regionsPerDisk = 4
        guard case .captureOpened(let opened) = try await send(.openCapture(request), generation: generation) else {
            throw Unexpected()
        }
        return opened
    }

    func openCycle(
        _ capture: CaptureOpened, _ kind: Messages.CycleKind, parent: UInt64, generation: UInt64 = 1,
        expectedBytes: UInt64 = 0, retention: Messages.Retention? = nil
    ) async throws -> CycleOpened {
        var request = Messages.OpenCycle()
        request.protection = protection
        request.guestUuid = guest
        request.guestName = "guest"
        request.cycle = capture.cycle
        request.parentCycle = parent
        request.kind = kind
        request.capturedUnixMs = capture.capturedUnixMs
        request.consistency = capture.consistency
        request.disks = capture.disks.map(\.disk)
        request.definition = capture.definition
        request.nvram = capture.nvram
        request.expectedBytes = expectedBytes
        if let retention { request.retention = retention }
        guard case .cycleOpened(let opened) = try await send(.openCycle(request), generation: generation) else {
            throw Unexpected()
        }
        return opened
    }

    func commit(
        _ cycle: UInt64, _ jobs: [StoredJob], generation: UInt64 = 1, retention: Messages.Retention? = nil
    ) async throws -> CycleCommitted {
        var request = CommitCycle()
        request.protection = protection
        request.cycle = cycle
        request.jobs = jobs
        if let retention { request.retention = retention }
        guard case .cycleCommitted(let committed) = try await send(.commitCycle(request), generation: generation)
        else { throw Unexpected() }
        return committed
    }

    func abort(_ cycle: UInt64, generation: UInt64 = 1) async throws {
        var request = AbortCycle()
        request.protection = protection
        request.cycle = cycle
        _ = try await send(.abortCycle(request), generation: generation)
    }

    func close(_ cycle: UInt64, committed: Bool, keep: UInt64 = 0, generation: UInt64 = 1) async throws {
        var request = CloseCapture()
        request.protection = protection
        request.cycle = cycle
        request.committed = committed
        request.keepCheckpointOfCycle = keep
        _ = try await send(.closeCapture(request), generation: generation)
    }

    func keepCapture(_ cycle: UInt64, generation: UInt64 = 1) async throws {
        var request = KeepCapture()
        request.protection = protection
        request.cycle = cycle
        request.keepMs = 20_000
        _ = try await send(.keepCapture(request), generation: generation)
    }

    func describe() async throws -> Messages.ReplicaDescription {
        var request = DescribeReplica()
        request.protection = protection
        guard case .replica(let replica) = try await send(.describeReplica(request)) else { throw Unexpected() }
        return replica
    }

    func points() async throws -> [Messages.RecoveryPoint] {
        var request = ListPoints()
        request.protection = protection
        guard case .points(let list) = try await send(.listPoints(request)) else { throw Unexpected() }
        return list.points
    }

    // MARK: The worker's part

    /// Sends the changed blocks of one disk as one attempt, as simply as can be.
    func transfer(
        _ disk: Messages.CapturedDisk, index: UInt16 = 0, of opened: CycleOpened, attempt: UInt32,
        tamper: (inout [UInt8]) -> Void = { _ in }
    ) async throws -> StoredJob {
        let job = UUID()
        let channel = try await bus.bulkChannel(to: opened.bulkEndpoint)
        do {
            let token = [UInt8](opened.transferToken)
            try await channel.open(
                BulkHello(token: token, job: withUnsafeBytes(of: job.uuid) { [UInt8]($0) }, attempt: attempt))
            var digest = try await sendRecords(disk, index: index, of: opened, attempt: attempt, over: channel)
            tamper(&digest)
            let stored = try await channel.finish(digest: digest)
            await channel.close()
            var result = StoredJob()
            result.job = job.uuidString
            result.attempt = attempt
            result.digest = Data(stored)
            return result
        } catch {
            await channel.close()
            throw error
        }
    }

    func sendRecords(
        _ disk: Messages.CapturedDisk, index: UInt16, of opened: CycleOpened, attempt: UInt32, over channel: BulkChannel
    ) async throws -> [UInt8] {
        let context = disk.bitmapContext.isEmpty ? nil : disk.bitmapContext
        let reader = try await hypervisor.connector.connect(uri: disk.nbdUri, contexts: context.map { [$0] } ?? [])
        let diverged = opened.diverged.filter { $0.diskIndex == UInt32(index) }
            .map { $0.offset..<$0.offset + $0.length }
        var sealer = try RecordSealer(
            key: try SealingKey(bytes: [UInt8](opened.cycleKey)), attempt: attempt, preference: .lz4)
        var records: [[UInt8]] = []
        var extents: [ChangedExtent] = []
        var position: UInt64 = 0
        for part in diverged + [reader.sizeBytes..<reader.sizeBytes] {
            try await reader.forEachChangedExtent(in: position..<part.lowerBound, bitmapContext: context) {
                extents.append($0)
            }
            try await reader.forEachChangedExtent(in: part, bitmapContext: nil) { extents.append($0) }
            position = part.upperBound
        }
        let data = extents.filter { $0.kind == .data }.map(\.range)
        var chunks: [(UInt64, [UInt8])] = []
        if !data.isEmpty {
            try await reader.read(data, options: ReadOptions()) { chunks.append(($0, [UInt8]($1))) }
        }
        for (offset, bytes) in chunks {
            records.append(try sealer.sealData(disk: index, offset: offset, bytes: bytes.span.bytes))
        }
        for extent in extents where extent.kind == .zero && context != nil {
            records.append(try sealer.zero(disk: index, offset: extent.offset, length: extent.length))
        }
        for record in records { try await channel.send(record) }
        await reader.close()
        return sealer.digest()
    }

    /// One whole cycle; answers what the disk held at its instant.
    /// - Parameter target: nil: this agent is both sides.
    @discardableResult
    func cycle(
        _ number: UInt64, _ kind: Messages.CycleKind, parent: UInt64, generation: UInt64 = 1,
        to target: AgentHarness? = nil
    ) async throws -> [UInt8] {
        let target = target ?? self
        let held = hypervisor.contents(of: guest, "vda").contents
        let capture = try await capture(number, kind, parent: parent, generation: generation)
        let opened = try await target.openCycle(capture, kind, parent: parent, generation: generation)
        let job = try await target.transfer(capture.disks[0], of: opened, attempt: 1)
        try await keepCapture(number, generation: generation)
        _ = try await target.commit(number, [job], generation: generation)
        try await close(number, committed: true, generation: generation)
        return held
    }

    // MARK: What there is

    /// A disk of a point as the replica directory holds it.
    func contents(of cycle: UInt64, disk target: String = "vda") throws -> [UInt8] {
        let view = try ReplicaView.open(directory: replicaDirectory, cycle: cycle)
        guard let disk = view.disk(target) else { throw Unexpected() }
        var bytes = [UInt8](repeating: 0xEE, count: Int(disk.sizeBytes))
        try bytes.withUnsafeMutableBytes { try disk.read(into: $0, at: 0) }
        return bytes
    }

    func files(in part: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "\(replicaDirectory)/\(part)").sorted()
    }

    struct Unexpected: Error {}
}
