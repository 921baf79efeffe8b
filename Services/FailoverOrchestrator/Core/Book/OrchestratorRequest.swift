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
    var waiting: Int
    var details: [String]
}

/// One request that waits for its answer.
struct RequestToken: Hashable, Sendable { var value: UInt64 }
