import FoundationEssentials
import Logging
import MessageBus
import Messages
import Synchronization

/// Hands out transfer jobs and collects how they ended: the part of the policy service that workers see.
final class JobBoardForTests: Sendable {
    private struct State: Sendable {
        var waiting: [TransferJob] = []
        var stored: [StoredJob] = []
        var failures: [String] = []
    }

    private final class Notes: Sendable {
        let state = Mutex(State())
    }

    let endpoint: String
    private let bus: MessageBus
    private let notes: Notes

    static func start() async throws -> JobBoardForTests {
        let notes = Notes()
        var logger = Logger(label: "policy")
        logger.logLevel = .critical
        let bus = MessageBus(name: "policy/board", logger: logger)
        let server = try await bus.serve(at: "tcp://127.0.0.1:*") { request in
            guard case .policyRequest(let body) = request.body, let policy = body.request else {
                throw RemoteError(.unimplemented, "The test's job board knows workers' requests.")
            }
            var reply = PolicyReply()
            switch policy {
            case .pullJobs(let pull): reply.jobs = try await Self.answer(pull, notes)
            case .reportJob: reply.directive = JobDirective()
            case .finishJob(let finish):
                var stored = StoredJob()
                stored.job = finish.job
                stored.attempt = finish.attempt
                stored.digest = finish.digest
                notes.state.withLock { $0.stored.append(stored) }
                reply.done = PolicyDone()
            case .failJob(let fail):
                notes.state.withLock { $0.failures.append(fail.error.message) }
                reply.done = PolicyDone()
            default:
                throw RemoteError(.unimplemented, "The test's job board knows workers' requests.")
            }
            return .policyReply(reply)
        }
        return JobBoardForTests(endpoint: server.endpoint, bus: bus, notes: notes)
    }

    private init(endpoint: String, bus: MessageBus, notes: Notes) {
        self.endpoint = endpoint
        self.bus = bus
        self.notes = notes
    }

    private static func answer(_ pull: PullJobs, _ notes: Notes) async throws -> JobList {
        let deadline = ContinuousClock.now + .seconds(2)
        var list = JobList()
        while list.jobs.isEmpty, ContinuousClock.now < deadline {
            notes.state.withLock { state in
                list.jobs = Array(state.waiting.prefix(Int(pull.freeSlots)))
                state.waiting.removeFirst(list.jobs.count)
            }
            // Waits by the clock because jobs come from another task of the test, without an event.
            if list.jobs.isEmpty { try await Task.sleep(for: .milliseconds(2)) }
        }
        return list
    }

    /// Has the workers do these jobs and answers what a commit has to name.
    func carryOut(_ jobs: [TransferJob]) async throws -> [StoredJob] {
        notes.state.withLock { state in
            state.stored = []
            state.waiting += jobs
        }
        try await poll("the jobs are done") {
            notes.state.withLock { $0.stored.count == jobs.count || !$0.failures.isEmpty }
        }
        let (stored, failures) = notes.state.withLock { ($0.stored, $0.failures) }
        guard failures.isEmpty else { throw TimedOut(what: failures.joined(separator: "; ")) }
        return stored
    }

    func stop() async { await bus.shutdown() }
}
