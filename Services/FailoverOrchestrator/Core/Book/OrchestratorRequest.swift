/// What is asked of this service.
enum OrchestratorRequest: Hashable, Sendable {
    /// `id` is made from the operation's identifier, so that a request that comes twice starts one run.
    case start(RunRequest, id: String, isDryRun: Bool, sender: String)
    /// The identifier, or the first of it.
    case get(String)
    case list(protection: String, limit: Int)
    case resume(String)
    case abandon(String)
    case health

    /// What it is answered with while nothing can be decided.
    func refused(with fault: OrchestratorError) -> Result<OrchestratorAnswer, OrchestratorError> {
        guard case .health = self else { return .failure(fault) }
        return .success(.health(OrchestratorHealth(details: [fault.message, fault.remedy], isHeldUp: true)))
    }

    /// Whether it changes nothing.
    var isReading: Bool {
        switch self {
        case .get, .list, .health: true
        case .start, .resume, .abandon: false
        }
    }
}

/// What it is answered with.
enum OrchestratorAnswer: Hashable, Sendable {
    case run(RunRecord)
    case runs([RunRecord])
    case health(OrchestratorHealth)
}

/// How well the service is.
struct OrchestratorHealth: Hashable, Sendable {
    /// Runs that wait for a person.
    var waiting = 0
    var details: [String]
    /// Nothing can be decided at present.
    var isHeldUp = false
}

/// One request that waits for its answer.
struct RequestToken: Hashable, Sendable { var value: UInt64 }
