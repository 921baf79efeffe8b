import BlockDevice
import FoundationEssentials
import Logging
import MessageBus
import Messages
import RawSockets
import SwiftProtobuf
import Synchronization
import Testing

@testable import ReplicationWorker

/// A job board that talks nonsense, and strangers at the worker's own door.
@Suite(.serialized) struct WorkerNeighbourTests {
    private static let answers: [Envelope.OneOf_Body] = {
        var done = PolicyReply()
        done.done = PolicyDone()
        var vault = VaultReply()
        vault.done = Done()
        return [.policyReply(done), .policyReply(PolicyReply()), .vaultReply(vault), .healthReply(HealthReply())]
    }()

    /// Runs a worker at a job board that answers pulls with what `answer` gives.
    private func withWorker(
        slots: Int = 1, _ answer: @escaping @Sendable (PolicyRequest.OneOf_Request) throws -> Envelope.OneOf_Body,
        _ body: (WorkerService, MessageBus) async throws -> Void
    ) async throws {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let bus = MessageBus(name: "policy/test", logger: logger)
        let server = try await bus.serve(at: "tcp://127.0.0.1:*") { request in
            guard case .policyRequest(let wire) = request.body, let asked = wire.request else {
                throw RemoteError(.unimplemented, "The test's job board knows workers' requests.")
            }
            return try answer(asked)
        }
        var settings = WorkerSettings(
            name: "worker", policy: server.endpoint, listen: "tcp://127.0.0.1:*", slots: slots)
        settings.lastWord = .seconds(60)
        let worker = try await WorkerService.start(
            settings: settings, connector: MemoryBlockReaderConnector(), logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await worker.run() }
            let outcome: Result<Void, any Error>
            do { outcome = .success(try await body(worker, bus)) } catch { outcome = .failure(error) }
            worker.stop()
            try await group.waitForAll()
            await bus.shutdown()
            try outcome.get()
        }
    }

    @Test func aJobBoardThatTalksNonsenseIsAskedAgainMoreSlowly() async throws {
        let pulls = Mutex<[ContinuousClock.Instant]>([])
        try await withWorker { request in
            guard case .pullJobs = request else { throw RemoteError(.unimplemented, "nothing else") }
            let count = pulls.withLock { pulls in
                pulls.append(.now)
                return pulls.count
            }
            return Self.answers[(count - 1) % Self.answers.count]
        } _: { worker, bus in
            try await poll("it asks again") { pulls.withLock { $0.count } >= 4 }
            let times = pulls.withLock { $0 }
            #expect(times[1] - times[0] >= ReplicationWorkerLimits.pullRetryInterval, "it does not hammer")
            let health = try await bus.client(to: worker.endpoint).health(deadline: .seconds(60))
            #expect(health.service == "worker" && health.details == ["0 of 1 slots are busy"])
        }
    }

    @Test func jobsBeyondItsSlotsAreGivenBackAsNoFailure() async throws {
        let failed = Mutex<[FailJob]>([])
        let offered = Mutex(false)
        try await withWorker { request in
            var reply = PolicyReply()
            switch request {
            case .pullJobs:
                let isFirst = offered.withLock { offered in
                    defer { offered = true }
                    return !offered
                }
                reply.jobs = JobList()
                guard isFirst else { break }
                reply.jobs.jobs = (UInt32(1)...3).map { attempt in
                    var job = AssignedJobTests.valid()
                    job.attempt = attempt
                    job.nbdUri = "memory:nothing"
                    return job
                }
            case .failJob(let fail):
                failed.withLock { $0.append(fail) }
                reply.done = PolicyDone()
            case .reportJob: reply.directive = JobDirective()
            default: reply.done = PolicyDone()
            }
            return .policyReply(reply)
        } _: { _, _ in
            try await poll("all three are told of") { failed.withLock { $0.count } >= 3 }
            let told = failed.withLock { $0 }
            #expect(told.filter(\.givenBack).map(\.attempt).sorted() == [2, 3])
            let begun = try #require(told.first { !$0.givenBack })
            #expect(begun.attempt == 1 && begun.error.code == .unavailable, "a disk that is not there is a failure")
        }
    }

    @Test func garbageAtItsDoorStopsNothing() async throws {
        try await withWorker { _ in
            var reply = PolicyReply()
            reply.jobs = JobList()
            return .policyReply(reply)
        } _: { worker, bus in
            let raw = try RawDealer(to: worker.endpoint)
            for round in 0..<100 {
                try raw.send(
                    (0...round % 4).map { _ in (0..<round * 3).map { _ in UInt8.random(in: 0...255) } })
            }
            var old = Envelope.request(
                .healthRequest(HealthRequest()), operation: .random(), timeLeft: .seconds(5), sender: "test")
            old.protocolVersion = 99
            try raw.send([[], old.encoded()])
            var code: ErrorCode?
            while code == nil, let frame = await raw.receive() {
                let reply = try Envelope(serializedBytes: frame)
                guard reply.operationID == old.operationID, case .error(let error) = reply.body else { continue }
                code = error.code
            }
            #expect(code == .unsupportedVersion)
            #expect(try await bus.client(to: worker.endpoint).health(deadline: .seconds(60)).service == "worker")
        }
    }
}
