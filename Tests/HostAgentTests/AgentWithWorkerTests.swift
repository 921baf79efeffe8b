import BlockDevice
import FoundationEssentials
import Hypervisor
import Logging
import MessageBus
import Messages
import ReplicationWorker
import Testing

@testable import HostAgent

/// Agent and worker together, in one process and over real sockets; the test is policy service.
@Suite(.serialized) struct AgentWithWorkerTests {
    /// One job for every region that changed, as the policy service cuts them.
    private func jobs(_ capture: CaptureOpened, _ opened: CycleOpened, _ kind: CycleKind, in agent: AgentHarness)
        -> [TransferJob]
    {
        var jobs: [TransferJob] = []
        for (index, disk) in capture.disks.enumerated() {
            for (region, changed) in disk.changed.enumerated() where changed > 0 {
                var job = TransferJob()
                job.job = UUID().uuidString
                job.attempt = UInt32(jobs.count) + 1
                job.protection = agent.protection
                job.generation = 1
                job.cycle = capture.cycle
                job.kind = kind
                job.diskIndex = UInt32(index)
                job.diskTarget = disk.disk.target
                job.nbdUri = disk.nbdUri
                job.bitmapContext = disk.bitmapContext
                job.offset = UInt64(region) * disk.regionBytes
                job.length = min(disk.regionBytes, disk.disk.sizeBytes - job.offset)
                job.bulkEndpoint = opened.bulkEndpoint
                job.transferToken = opened.transferToken
                job.cycleKey = opened.cycleKey
                job.compression = .automatic
                job.leaseMs = 10_000
                jobs.append(job)
            }
        }
        return jobs
    }

    private func cycle(
        _ number: UInt64, _ kind: CycleKind, parent: UInt64, _ agent: AgentHarness, _ board: JobBoardForTests,
        retention: Messages.Retention? = nil
    ) async throws {
        let capture = try await agent.capture(number, kind, parent: parent)
        let opened = try await agent.openCycle(capture, kind, parent: parent)
        let stored = try await board.carryOut(jobs(capture, opened, kind, in: agent))
        try await agent.keepCapture(number)
        _ = try await agent.commit(number, stored, retention: retention)
        try await agent.close(number, committed: true)
    }

    private func withWorker(
        on site: AgentSite, _ body: (JobBoardForTests) async throws -> Void
    ) async throws {
        let board = try await JobBoardForTests.start()
        var logger = Logger(label: "worker")
        logger.logLevel = .critical
        let worker = try await WorkerService.start(
            settings: WorkerSettings(name: "worker", policy: board.endpoint, listen: "tcp://127.0.0.1:*"),
            connector: site.hypervisor.connector, logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await worker.run() }
            do {
                try await body(board)
            } catch {
                worker.stop()
                throw error
            }
            worker.stop()
            try await group.waitForAll()
        }
        await board.stop()
    }

    private func write(_ agent: AgentHarness, _ target: String) {
        for _ in 0..<Int.random(in: 0...4) {
            let count = Int.random(in: 1...150_000) / 512 * 512 + 512
            let offset = UInt64.random(in: 0...(AgentHarness.diskBytes - UInt64(count)) / 512) * 512
            if Bool.random() {
                agent.hypervisor.write(randomBytes(count), to: agent.guest, target, at: offset)
            } else {
                agent.hypervisor.discard(offset..<offset + UInt64(count), of: agent.guest, target)
            }
        }
    }

    @Test func everyPointHoldsWhatTheDisksHeldOverManyCycles() async throws {
        try await withAgentSite { site in
            site.hypervisor.addDisk("vdb", sizeBytes: AgentHarness.diskBytes, to: site.guest)
            try await site.withAgent { agent in
                try await withWorker(on: site) { board in
                    var held: [UInt64: [[UInt8]]] = [:]
                    for number in UInt64(1)...20 {
                        for target in ["vda", "vdb"] { write(agent, target) }
                        held[number] = ["vda", "vdb"].map { agent.hypervisor.contents(of: agent.guest, $0).contents }
                        let kind: CycleKind = number == 1 ? .full : number % 7 == 0 ? .compare : .incremental
                        try await cycle(number, kind, parent: number - 1, agent, board)
                    }
                    for (number, disks) in held {
                        #expect(try agent.contents(of: number, disk: "vda") == disks[0], "vda at \(number)")
                        #expect(try agent.contents(of: number, disk: "vdb") == disks[1], "vdb at \(number)")
                    }
                }
            }
        }
    }

    @Test func whatACrashOfTheGuestLostIsFoundByComparison() async throws {
        try await withAgentSite { site in
            try await site.withAgent { agent in
                try await withWorker(on: site) { board in
                    write(agent, "vda")
                    try await cycle(1, .full, parent: 0, agent, board)
                    write(agent, "vda")
                    agent.hypervisor.crash(guest: agent.guest)
                    try await agent.hypervisor.start(guest: agent.guest)
                    #expect(
                        await refusal { try await agent.capture(2, .incremental, parent: 1) } == .failedPrecondition)
                    let held = agent.hypervisor.contents(of: agent.guest, "vda").contents
                    try await cycle(3, .compare, parent: 1, agent, board)
                    #expect(try agent.contents(of: 3) == held)
                    write(agent, "vda")
                    let later = agent.hypervisor.contents(of: agent.guest, "vda").contents
                    try await cycle(4, .incremental, parent: 3, agent, board)
                    #expect(try agent.contents(of: 4) == later)
                }
            }
        }
    }
}
