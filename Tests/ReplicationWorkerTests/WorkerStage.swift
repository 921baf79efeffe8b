import BlockDevice
import DeltaLog
import FoundationEssentials
import LocalPorts
import Logging
import MessageBus
import Messages
import Sealing
import Testing

@testable import ReplicationWorker

/// A worker alone, with a scripted job board and a scripted receiver, over real sockets.
struct WorkerStage: Sendable {
    static let diskBytes: UInt64 = 3 << 20
    /// Of a disk that holds nothing.
    static let emptyDiskBytes: UInt64 = 1 << 40

    let policy: ScriptedPolicy
    let target: ScriptedTarget
    let worker: WorkerService
    let disk: SparseBytes
    let job: TransferJob
    let bus: MessageBus
    let connector: MemoryBlockReaderConnector

    /// A disk with data, zeros and holes; what the target's parent holds differs in a few blocks.
    private static func makeDisk() -> (now: SparseBytes, parent: SparseBytes) {
        var parent = SparseBytes(sizeBytes: Self.diskBytes)
        parent.write(randomBytes(400_000), at: 300_000)
        var now = parent
        now.write(randomBytes(200_000), at: 900_000)
        now.write([UInt8](repeating: 0, count: 131_072), at: 1_310_720)
        now.discard(327_680..<393_216)
        now.write(randomBytes(65_536), at: Self.diskBytes - 65_536)
        return (now, parent)
    }

    /// Runs `body` beside the worker, which is stopped afterwards.
    ///
    /// - Parameters:
    ///   - kind: of the cycle that `job`, which is not put on the board yet, is of.
    ///   - stopGrace: as `WorkerSettings.stopGrace`.
    static func use(
        behaviour: ScriptedTarget.Behaviour = .keep, kind: CycleKind = .full, slots: Int = 2,
        stopGrace: Duration = .milliseconds(200), _ body: (WorkerStage) async throws -> Void
    ) async throws {
        try await withTemporaryDirectory { directory in
            let (now, parent) = makeDisk()
            let connector = MemoryBlockReaderConnector()
            let dirty = Set(
                (0..<Self.diskBytes / SparseBytes.blockBytes).filter { block in
                    let range = block * SparseBytes.blockBytes..<(block + 1) * SparseBytes.blockBytes
                    return now.read(range) != parent.read(range)
                })
            connector.export(now, dirtyBlocks: ["dirty": dirty], at: "memory:disk")
            connector.export(SparseBytes(sizeBytes: Self.emptyDiskBytes), at: "memory:empty")
            var logger = Logger(label: "test")
            logger.logLevel = .critical
            let bus = MessageBus(name: "agent/test", logger: logger)
            let target = try ScriptedTarget(
                directory: directory, diskBytes: Self.diskBytes,
                parent: kind == .full ? SparseBytes(sizeBytes: Self.diskBytes) : parent, behaviour: behaviour)
            let server = try await bus.bulkServer(at: LocalPorts.endpoint(), handler: target)
            let policy = try await ScriptedPolicy.start()
            var settings = WorkerSettings(
                name: "worker", policy: policy.endpoint, listen: LocalPorts.endpoint(), slots: slots)
            settings.stopGrace = stopGrace
            // Whatever it says at its end is to be heard, however busy the machine is.
            settings.lastWord = .seconds(60)
            let worker = try await WorkerService.start(settings: settings, connector: connector, logger: logger)
            let job = makeJob(kind, endpoint: server.endpoint, key: target.writer.cycleKey)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await worker.run() }
                let stage = WorkerStage(
                    policy: policy, target: target, worker: worker, disk: now, job: job, bus: bus, connector: connector)
                do {
                    try await body(stage)
                } catch {
                    worker.stop()
                    target.behave(.keep)
                    throw error
                }
                worker.stop()
                target.behave(.keep)
                try await group.waitForAll()
            }
            await policy.stop()
            await bus.shutdown()
            target.writer.abort()
        }
    }

    private static func makeJob(_ kind: CycleKind, endpoint: String, key: SealingKey) -> TransferJob {
        var job = AssignedJobTests.valid()
        job.kind = kind
        job.nbdUri = "memory:disk"
        job.bitmapContext = kind == .incremental ? "dirty" : ""
        job.offset = 0
        job.length = Self.diskBytes
        job.bulkEndpoint = endpoint
        job.transferToken = Data(ScriptedTarget.token)
        job.cycleKey = key.withUnsafeBytes { Data($0) }
        return job
    }
}
