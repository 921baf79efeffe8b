import FoundationEssentials
import Messages

extension ServiceRequest {
    /// Checks a request's form. What it may do is decided by the engine.
    init(wire: Messages.PolicyRequest) throws {
        switch wire.request {
        case .putPolicy(let put):
            guard put.hasPolicy else { throw PolicyError(.invalidArgument, "The request carries no policy.") }
            self = .putPolicy(try PolicySettings(wire: put.policy), expectedVersion: put.expectedVersion)
        case .deletePolicy(let delete):
            self = .deletePolicy(name: delete.name)
        case .listPolicies:
            self = .listPolicies
        case .getStatus(let get):
            self = .status(get.protection)
        case .triggerCycle(let trigger):
            self = .trigger(
                try Self.named(trigger.protection), try Policy.Consistency(wire: trigger.consistency))
        case .getHistory(let get):
            self = .history(try Self.named(get.protection), limit: Int(get.limit))
        case .pullJobs(let pull):
            self = try Self.pull(pull)
        case .reportJob(let report):
            self = .report(
                try Self.report(report.workerID, report.job, report.attempt), readBytes: report.readBytes,
                sentBytes: report.sentBytes, doneBytes: report.doneBytes)
        case .finishJob(let finish):
            guard finish.digest.count == 32 else {
                throw PolicyError(.invalidArgument, "The digest has \(finish.digest.count) bytes instead of 32.")
            }
            self = .finish(
                try Self.report(finish.workerID, finish.job, finish.attempt), digest: [UInt8](finish.digest),
                sentBytes: finish.sentBytes, changedBytes: finish.changedBytes)
        case .failJob(let fail):
            self = .fail(
                try Self.report(fail.workerID, fail.job, fail.attempt), PolicyError(wire: fail.error),
                isRetryable: fail.error.retryable, isGivenBack: fail.givenBack)
        case .listWorkers:
            self = .listWorkers
        case .drainWorker(let drain):
            self = .drainWorker(name: try Self.workerName(drain.name))
        case .resumeWorker(let resume):
            self = .resumeWorker(name: try Self.workerName(resume.name))
        case .leaveBoard(let leave):
            guard !leave.workerID.isEmpty else { throw PolicyError(.invalidArgument, "The request names no worker.") }
            self = .leaveBoard(worker: leave.workerID)
        case nil:
            throw PolicyError(.unimplemented, "The policy service does not know this request.")
        }
    }

    private static func named(_ protection: String) throws -> String {
        guard !protection.isEmpty else {
            throw PolicyError(.invalidArgument, "The request names no protection.", remedy: "Give its id or guest.")
        }
        return protection
    }

    private static func workerName(_ name: String) throws -> String {
        guard !name.isEmpty, name.utf8.count <= PolicyLimits.workerNameBytesMaximum else {
            throw PolicyError(
                .invalidArgument, "The request names no worker.", remedy: "See them with: bascule workers")
        }
        return name
    }

    private static func pull(_ pull: Messages.PullJobs) throws -> ServiceRequest {
        let worker = WorkerIntroduction(
            id: pull.worker.id, name: pull.worker.name, controlEndpoint: pull.worker.controlEndpoint,
            readsHosts: pull.worker.readsHosts)
        guard !worker.id.isEmpty, worker.id.utf8.count <= 64 else {
            throw PolicyError(.invalidArgument, "The worker has no id.", remedy: "Give a UUID, new at each start.")
        }
        guard worker.name.utf8.count <= PolicyLimits.workerNameBytesMaximum else {
            throw PolicyError(
                .invalidArgument, "The worker's name has \(worker.name.utf8.count) bytes.",
                remedy: "Give one of at most \(PolicyLimits.workerNameBytesMaximum).")
        }
        guard pull.freeSlots > 0 else {
            throw PolicyError(.invalidArgument, "A worker without free slots asked for jobs.")
        }
        return .pull(
            worker, freeSlots: min(Int(pull.freeSlots), PolicyLimits.grantsPerPullMaximum),
            waitMilliseconds: Int64(pull.waitMs))
    }

    private static func report(_ worker: String, _ job: String, _ attempt: UInt32) throws -> JobBoard.Report {
        guard !worker.isEmpty, !job.isEmpty, attempt > 0 else {
            throw PolicyError(.invalidArgument, "The request does not name worker, job and attempt.")
        }
        return JobBoard.Report(worker: worker, job: job, attempt: attempt)
    }
}
