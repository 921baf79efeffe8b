/// A request to this service, already checked for form.
enum ServiceRequest: Sendable {
    /// - expectedVersion: 0: create it, or change whatever is there.
    case putPolicy(PolicySettings, expectedVersion: UInt64)
    case deletePolicy(name: String)
    case listPolicies
    /// Empty: all. Else a protection's identifier, or its guest's name or UUID when only one matches.
    case status(String)
    case trigger(String, Consistency?)
    case history(String, limit: Int)
    case pull(WorkerIntroduction, freeSlots: Int, waitMilliseconds: Int64)
    case report(JobBoard.Report, readBytes: UInt64, sentBytes: UInt64, doneBytes: UInt64 = 0)
    case finish(JobBoard.Report, digest: [UInt8], sentBytes: UInt64, changedBytes: UInt64)
    /// - isRetryable: what the error says of itself, which overrules its code.
    /// - isGivenBack: the worker stops, which says nothing against the job.
    case fail(JobBoard.Report, PolicyError, isRetryable: Bool = false, isGivenBack: Bool = false)
    case listWorkers
    case drainWorker(name: String)
    case resumeWorker(name: String)
    case leaveBoard(worker: String)
    case health

    /// What it is answered with while nothing can be decided.
    func refused(with fault: PolicyError) -> Result<ServiceAnswer, PolicyError> {
        guard case .health = self else { return .failure(fault) }
        return .success(.health(ServiceHealth(level: .critical, details: [fault.message, fault.remedy])))
    }

    /// Whether it changes nothing, whoever asks.
    var isReading: Bool {
        switch self {
        case .listPolicies, .status, .history, .listWorkers, .health: true
        case .putPolicy, .deletePolicy, .trigger, .pull, .report, .finish, .fail, .drainWorker, .resumeWorker,
            .leaveBoard:
            false
        }
    }

    /// Whether a worker asks about its jobs.
    var isOfWorker: Bool {
        switch self {
        case .pull, .report, .finish, .fail, .leaveBoard: true
        case .putPolicy, .deletePolicy, .listPolicies, .status, .trigger, .history, .listWorkers, .drainWorker,
            .resumeWorker,
            .health:
            false
        }
    }
}

enum ServiceAnswer: Sendable {
    case done
    case policy(PolicySettings)
    case policies([PolicySettings])
    case statuses([StatusSummary])
    case history([CycleReport])
    case grants([JobGrant])
    case directive(JobBoard.Directive)
    case workers([WorkerSummary])
    case health(ServiceHealth)
}

/// How the service itself goes.
struct ServiceHealth: Hashable, Sendable {
    var level: ProtectionHealth.Level
    var details: [String]
}

/// Everything that is shown of one protection.
struct StatusSummary: Hashable, Sendable {
    var protection: ProtectionIdentifier
    var health: ProtectionHealth
    var policy: String
    /// 0: no point.
    var newestCycle: UInt64
    /// nil: no point, or its age is not known.
    var newestAgeMilliseconds: Int64?
    var load: StatusTracker.Load
    var last: CycleReport?
    var lastFailure: CycleReport?
    var failuresInARow: UInt32
    var isCycleOpen: Bool
    var phase: String
    var bytesPerSecond: UInt64
    /// Of the registry's entry that it was made from.
    var version: UInt64
}
