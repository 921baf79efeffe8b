import BlockDevice
import LocalPorts
import Logging
import Messages
import Synchronization
import Testing

@testable import ReplicationWorker

/// That a worker gives back what its jobs freed, and leaves it at that.
@Suite struct MemoryUpkeepTests {
    @Test func itIsDueWhileJobsRunAndOnceAfterTheLast() {
        var upkeep = MemoryUpkeep()
        let asked: [(begun: UInt64, running: Int)] = [(0, 0), (1, 1), (1, 1), (3, 0), (3, 0), (4, 0), (4, 0)]
        let due = asked.map { upkeep.isDue(begun: $0.begun, running: $0.running) }
        // Nothing begun; one runs, and runs on; what was freed since its end, once; one that came and went in between, once.
        #expect(due == [false, true, true, true, false, true, false])
    }

    @Test func aWorkerDoesItAfterAJobAndNotWithoutOne() async throws {
        let policy = try await ScriptedPolicy.start()
        let given = Mutex(0)
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        var settings = WorkerSettings(name: "worker", policy: policy.endpoint, listen: LocalPorts.endpoint())
        settings.memoryInterval = .milliseconds(20)
        let worker = try await WorkerService.start(
            settings: settings, connector: MemoryBlockReaderConnector(), logger: logger
        ) { given.withLock { $0 += 1 } }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await worker.run() }
            defer { worker.stop() }
            for round in 1...2 {
                let before = given.withLock { $0 }
                // Its disk is nowhere, so that it fails at once.
                var job = AssignedJobTests.valid()
                job.nbdUri = "memory:nothing"
                job.attempt = UInt32(round)
                policy.put(job)
                try await poll("the job is failed") { policy.heard.failed.count == round }
                try await poll("memory is given back") { given.withLock { $0 } > before }
                try await poll("ten intervals pass in which nothing is given back") {
                    let settled = given.withLock { $0 }
                    // Sleeps because that nothing more happens has no event.
                    try await Task.sleep(for: .milliseconds(200))
                    return given.withLock { $0 } == settled
                }
            }
        }
        await policy.stop()
    }
}
