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

/// What a worker does with the jobs that it is given, and with words about them.
@Suite(.serialized) struct WorkerServiceTests {
    @Test(arguments: [CycleKind.full, .incremental, .compare])
    func aJobBringsTheTargetToWhatTheDiskHolds(kind: CycleKind) async throws {
        try await WorkerStage.use(kind: kind) { stage in
            stage.policy.put(stage.job)
            try await poll("the job is finished") { !stage.policy.heard.finished.isEmpty }
            let finished = stage.policy.heard.finished[0]
            #expect(finished.attempt == 1 && finished.digest.count == 32 && finished.records > 0)
            #expect(finished.changedBytes > 0 && finished.sentBytes > 0)
            #expect(try stage.target.result(of: [1]) == stage.disk.contents)
            #expect(stage.policy.heard.failed.isEmpty)
        }
    }

    @Test func severalJobsOfADiskTogetherBringIt() async throws {
        try await WorkerStage.use { stage in
            for part in 0..<3 {
                var job = stage.job
                job.job = UUID().uuidString
                job.attempt = UInt32(part) + 1
                job.offset = UInt64(part) << 20
                job.length = 1 << 20
                stage.policy.put(job)
            }
            try await poll("the jobs are finished") { stage.policy.heard.finished.count == 3 }
            #expect(try stage.target.result(of: [1, 2, 3]) == stage.disk.contents)
            #expect(stage.policy.heard.pulls[0].freeSlots == 2)
        }
    }

    @Test func aReceiverThatStoredSomethingElseFailsTheJob() async throws {
        try await WorkerStage.use(behaviour: .lieAboutTheDigest) { stage in
            stage.policy.put(stage.job)
            try await poll("the job is failed") { !stage.policy.heard.failed.isEmpty }
            #expect(stage.policy.heard.failed[0].error.code == .corruptData)
            #expect(stage.policy.heard.finished.isEmpty)
        }
    }

    @Test func whatTheReceiverRefusesIsReportedInItsWords() async throws {
        let full = RemoteError(.resourceExhausted, "The disk is full.", remedy: "Free space.")
        try await WorkerStage.use(behaviour: .refuse(full)) { stage in
            stage.policy.put(stage.job)
            try await poll("the job is failed") { !stage.policy.heard.failed.isEmpty }
            let error = stage.policy.heard.failed[0].error
            #expect(error.code == .resourceExhausted && error.message == "The disk is full." && error.retryable)
        }
    }

    /// Nothing is read and nothing sent for hours, and the job board has to see that the job gets on.
    @Test func aLongRunOfZerosIsToldAsItIsCompared() async throws {
        try await WorkerStage.use(behaviour: .holdZeros(after: .milliseconds(200)), kind: .compare) { stage in
            var job = stage.job
            job.nbdUri = "memory:empty"
            job.length = WorkerStage.emptyDiskBytes
            stage.policy.put(job)
            try await poll("reports say more and more") {
                Set(stage.policy.heard.reports.map(\.doneBytes)).count >= 4
            }
            let reports = stage.policy.heard.reports
            #expect(reports.map(\.doneBytes) == reports.map(\.doneBytes).sorted())
            #expect(reports.allSatisfy { $0.readBytes == 0 && $0.sentBytes == 0 && $0.doneBytes < job.length })
            #expect(reports.allSatisfy { $0.doneBytes % ReplicationWorkerLimits.compareWindowBytes == 0 })
            var abandon = JobDirective()
            abandon.abandon = true
            stage.policy.direct(abandon)
            try await poll("it gives up") { stage.policy.heard.pulls.last?.freeSlots == 2 }
        }
    }

    /// What the range says in the end is the whole of it, whatever kind of cycle it was of.
    @Test(arguments: [CycleKind.full, .incremental, .compare])
    func aJobIsDoneWhenItsRangeIs(kind: CycleKind) async throws {
        try await WorkerStage.use(kind: kind) { stage in
            let progress = JobProgress(bytesPerSecond: 0, now: ContinuousClock().now)
            let job = try AssignedJob(wire: stage.job)
            let channel = try await stage.bus.bulkChannel(to: job.bulkEndpoint)
            try await channel.open(
                BulkHello(token: job.transferToken, job: job.identifierBytes, attempt: job.attempt))
            let reader = try await stage.connector.connect(
                uri: job.nbdURI, contexts: kind == .incremental ? ["dirty"] : [])
            _ = try await JobMover(job: job, reader: reader, channel: channel, progress: progress).move()
            #expect(progress.totals.doneBytes == WorkerStage.diskBytes)
            await channel.close()
            await reader.close()
        }
    }

    /// As when the ninth job of a host said hello: what others hold comes back, so nothing is wrong with the job.
    @Test func aReceiverWithoutRoomIsGreetedAgain() async throws {
        let busy = RemoteError(.resourceExhausted, "Too many transfers are under way.", remedy: "Try again later.")
        try await WorkerStage.use(behaviour: .refuseHello(busy)) { stage in
            stage.policy.put(stage.job)
            try await poll("the job has ended") {
                !stage.policy.heard.finished.isEmpty || !stage.policy.heard.failed.isEmpty
            }
            #expect(stage.policy.heard.failed.isEmpty)
            #expect(stage.policy.heard.finished.map(\.attempt) == [1])
            #expect(try stage.target.result(of: [1]) == stage.disk.contents)
        }
    }

    @Test func aReceiverThatSaysThatWaitingIsOfNoUseIsNot() async throws {
        let full = RemoteError(.resourceExhausted, "The cycle has too many attempts.", retryable: false)
        try await WorkerStage.use(behaviour: .refuseHello(full)) { stage in
            stage.policy.put(stage.job)
            try await poll("the job is failed") { !stage.policy.heard.failed.isEmpty }
            let error = stage.policy.heard.failed[0].error
            #expect(error.code == .resourceExhausted && !error.retryable)
        }
    }

    /// A job that cannot be done, and what it fails with.
    @Test(arguments: [0, 1, 2, 3])
    func jobsThatCannotBeDoneAreFailed(index: Int) async throws {
        try await WorkerStage.use { stage in
            var job = stage.job
            let code: ErrorCode
            switch index {
            case 0:
                job.nbdUri = "memory:nothing"
                code = .unavailable
            case 1:
                job.transferToken = Data(repeating: 1, count: 16)
                code = .notFound
            case 2:
                job.length = WorkerStage.diskBytes + 65_536
                code = .invalidArgument
            default:
                job.cycleKey = Data()
                code = .invalidArgument
            }
            stage.policy.put(job)
            try await poll("the job is failed") { !stage.policy.heard.failed.isEmpty }
            #expect(stage.policy.heard.failed[0].error.code == code)
            // The worker goes on.
            stage.policy.put(
                {
                    var job = stage.job; job.attempt = 7; return job
                }())
            try await poll("the next job is finished") { !stage.policy.heard.finished.isEmpty }
        }
    }

    @Test func aJobThatIsToBeAbandonedStopsAndIsNotReported() async throws {
        try await WorkerStage.use(behaviour: .stall) { stage in
            var directive = JobDirective()
            directive.abandon = true
            stage.policy.direct(directive)
            stage.policy.put(stage.job)
            try await poll("the worker is free again") {
                stage.policy.heard.pulls.last?.freeSlots == 2
                    && !stage.policy.heard.reports.isEmpty
            }
            stage.target.behave(.keep)
            try await poll("the receiver saw the end") { !stage.target.transfersEnded.isEmpty }
            #expect(stage.policy.heard.finished.isEmpty && stage.policy.heard.failed.isEmpty)
            #expect(stage.target.transfersEnded != [.finished])
        }
    }

    @Test func aLeaseThatIsLostEndsTheJob() async throws {
        try await WorkerStage.use(behaviour: .stall, slots: 1) { stage in
            stage.policy.refuse(RemoteError(.leaseLost, "The lease went to another."))
            stage.policy.put(stage.job)
            try await poll("the worker pulls again") { stage.policy.heard.pulls.count >= 2 }
            #expect(stage.policy.heard.finished.isEmpty && stage.policy.heard.failed.isEmpty)
        }
    }

    @Test func aWorkerThatIsToldToStopFailsWhatItCannotFinish() async throws {
        try await WorkerStage.use(behaviour: .stall) { stage in
            stage.policy.put(stage.job)
            try await poll("the job is pulled") { stage.policy.heard.pulls.count >= 2 }
            stage.worker.stop()
            try await poll("the job is given back") { !stage.policy.heard.failed.isEmpty }
            #expect(stage.policy.heard.failed[0].error.retryable)
            #expect(stage.policy.heard.failed[0].givenBack, "nothing is wrong with the job")
            #expect(stage.policy.heard.left == [stage.policy.heard.pulls[0].worker.id])
        }
    }

    /// What is quick enough is not thrown away: the receiver takes records again once the worker was told to stop.
    @Test func aWorkerThatIsToldToStopFinishesWhatItCanWithinItsGrace() async throws {
        try await WorkerStage.use(behaviour: .stall, stopGrace: .seconds(60)) { stage in
            stage.policy.put(stage.job)
            try await poll("the job is pulled") { stage.policy.heard.pulls.count >= 2 }
            stage.worker.stop()
            try await poll("it gets no job any more") { !stage.policy.heard.left.isEmpty }
            stage.target.behave(.keep)
            try await poll("the job is finished") { !stage.policy.heard.finished.isEmpty }
            #expect(stage.policy.heard.failed.isEmpty)
        }
    }

    @Test func aWorkerThatWaitsForWorkLeavesTheJobBoardWhenItStops() async throws {
        try await WorkerStage.use { stage in
            try await poll("the worker asks for work") { !stage.policy.heard.pulls.isEmpty }
            let stopped = ContinuousClock.now
            stage.worker.stop()
            try await poll("the job board is told") { !stage.policy.heard.left.isEmpty }
            #expect(ContinuousClock.now - stopped < .seconds(9), "it does not wait until its pull is over")
        }
    }

    @Test func aWorkerAnswersHealthAndNothingElse() async throws {
        try await WorkerStage.use { stage in
            let client = try await stage.bus.client(to: stage.worker.endpoint)
            let health = try await client.health(deadline: .seconds(60))
            #expect(health.service == "worker" && health.name == "worker" && health.level == .normal)
            do {
                _ = try await client.policy(.listPolicies(ListPolicies()))
                Issue.record("it was answered")
            } catch let error as RemoteError {
                #expect(error.code == .unimplemented)
            }
        }
    }

    @Test func aJobBoardThatComesLaterIsFound() async throws {
        let first = try await ScriptedPolicy.start()
        let endpoint = first.endpoint
        await first.stop()
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let worker = try await WorkerService.start(
            settings: WorkerSettings(name: "worker", policy: endpoint, listen: LocalPorts.endpoint()),
            connector: MemoryBlockReaderConnector(), logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await worker.run() }
            let policy = try await ScriptedPolicy.start(at: endpoint)
            try await poll("the worker asks for work") { !policy.heard.pulls.isEmpty }
            worker.stop()
            try await group.waitForAll()
            await policy.stop()
        }
    }
}
