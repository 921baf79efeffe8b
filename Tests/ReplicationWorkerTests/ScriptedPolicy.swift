import FoundationEssentials
import LocalPorts
import Logging
import MessageBus
import Messages
import Synchronization

/// A job board that hands out what the test puts on it and writes down what workers say.
final class ScriptedPolicy: Sendable {
    struct Heard: Sendable {
        var waiting: [TransferJob] = []
        var pulls: [PullJobs] = []
        var reports: [ReportJob] = []
        var finished: [FinishJob] = []
        var failed: [FailJob] = []
        /// Workers that said that they stop.
        var left: [String] = []
        /// What reports are answered with.
        var directive = JobDirective()
        /// Reports and outcomes are answered with this instead.
        var refusal: RemoteError?
    }

    private final class Notes: Sendable {
        let heard = Mutex(Heard())
    }

    let endpoint: String
    private let bus: MessageBus
    private let notes: Notes

    static func start(at endpoint: String = LocalPorts.endpoint()) async throws -> ScriptedPolicy {
        let notes = Notes()
        var logger = Logger(label: "policy")
        logger.logLevel = .critical
        let bus = MessageBus(name: "policy/test", logger: logger)
        let server = try await bus.serve(at: endpoint) { request in
            guard case .policyRequest(let body) = request.body, let policy = body.request else {
                throw RemoteError(.unimplemented, "The test's job board knows workers' requests.")
            }
            var reply = PolicyReply()
            switch policy {
            case .pullJobs(let pull):
                reply.jobs = try await Self.answer(pull, notes)
            case .reportJob(let report):
                reply.directive = try notes.heard.withLock { heard in
                    heard.reports.append(report)
                    if let refusal = heard.refusal { throw refusal }
                    return heard.directive
                }
            case .finishJob(let finish):
                notes.heard.withLock { $0.finished.append(finish) }
                reply.done = PolicyDone()
            case .failJob(let fail):
                notes.heard.withLock { $0.failed.append(fail) }
                reply.done = PolicyDone()
            case .leaveBoard(let leave):
                notes.heard.withLock { $0.left.append(leave.workerID) }
                reply.done = PolicyDone()
            default:
                throw RemoteError(.unimplemented, "The test's job board knows workers' requests.")
            }
            return .policyReply(reply)
        }
        return ScriptedPolicy(endpoint: server.endpoint, bus: bus, notes: notes)
    }

    private init(endpoint: String, bus: MessageBus, notes: Notes) {
        self.endpoint = endpoint
        self.bus = bus
        self.notes = notes
    }

    private static func answer(_ pull: PullJobs, _ notes: Notes) async throws -> JobList {
        notes.heard.withLock { $0.pulls.append(pull) }
        let deadline = ContinuousClock.now + .milliseconds(Int64(pull.waitMs))
        var list = JobList()
        while list.jobs.isEmpty, ContinuousClock.now < deadline {
            notes.heard.withLock { heard in
                list.jobs = Array(heard.waiting.prefix(Int(pull.freeSlots)))
                heard.waiting.removeFirst(list.jobs.count)
            }
            // As the real one does.
            if heard(notes).left.contains(pull.worker.id) { break }
            // Waits by the clock because jobs come from another task of the test, without an event.
            if list.jobs.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
        }
        return list
    }

    private static func heard(_ notes: Notes) -> Heard { notes.heard.withLock { $0 } }

    var heard: Heard { notes.heard.withLock { $0 } }

    func put(_ job: TransferJob) { notes.heard.withLock { $0.waiting.append(job) } }
    func direct(_ directive: JobDirective) { notes.heard.withLock { $0.directive = directive } }
    func refuse(_ error: RemoteError) { notes.heard.withLock { $0.refusal = error } }

    func stop() async { await bus.shutdown() }
}
