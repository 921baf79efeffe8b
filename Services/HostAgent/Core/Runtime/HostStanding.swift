import Logging
import Messages

/// Whether this agent is still the host that it registers as. The vault refuses one whose identity another agent has taken
/// over: a machine that was replaced, and is back with its old state.
///
/// Such an agent does nothing any more but answer questions, also after a restart, until the vault takes it again. What runs
/// goes on: a guest is never ended for it.
actor HostStanding {
    private enum State: Equatable {
        case current
        case replaced(because: String)
    }

    let incarnation: UInt64
    private let store: AgentStore
    private let logger: Logger
    private var state: State

    init(store: AgentStore, logger: Logger) async throws {
        self.store = store
        self.logger = logger
        incarnation = try await store.hostIncarnation()
        state = try await store.replacedBecause().map { .replaced(because: $0) } ?? .current
    }

    /// For people; nil while nothing is wrong.
    var sentence: String? {
        switch state {
        case .current: nil
        case .replaced(let sentence): sentence
        }
    }

    /// The vault refused this incarnation.
    ///
    /// - Returns: whether that is news.
    func replaced(because sentence: String) async -> Bool {
        guard state != .replaced(because: sentence) else { return false }
        let isNews = state == .current
        state = .replaced(because: sentence)
        await remember(sentence)
        if isNews {
            logger.error("another agent is this host; nothing is done any more", metadata: ["reason": "\(sentence)"])
        }
        return isNews
    }

    /// The vault took a report.
    func accepted() async {
        guard state != .current else { return }
        state = .current
        await remember(nil)
        logger.notice("this agent is the host again")
    }

    /// Throws for every request that acts.
    func check(_ request: AgentRequest.OneOf_Request) throws {
        guard case .replaced(let sentence) = state, !Self.isQuestion(request) else { return }
        throw HostAgentError(
            .failedPrecondition, "This agent is not its host any more, and does nothing. \(sentence)",
            remedy: "Ask the agent that the vault knows. On this machine stop the agent and remove its state "
                + "directory, or take the host back with bascule-agent identity.",
            facts: ["rule": "replaced-host", "incarnation": "\(incarnation)"])
    }

    /// Whether nothing is done for it.
    static func isQuestion(_ request: AgentRequest.OneOf_Request) -> Bool {
        switch request {
        case .describeReplica, .listPoints, .describeSide, .doctorCheck: true
        case .openCapture, .keepCapture, .closeCapture, .releaseSource, .openCycle, .commitCycle, .abortCycle,
            .deleteReplica, .openView, .closeView, .keepView, .scrub, .setSide, .stopGuest, .startGuest, .startReplica,
            .stopReplica, .commitReplica, .prepareReplica, .adoptDisks:
            false
        }
    }

    /// Not being able to write it down changes nothing of what is done now.
    private func remember(_ sentence: String?) async {
        do {
            try await store.setReplaced(because: sentence)
        } catch {
            logger.error("the host's standing is not stored", metadata: ["error": "\(error)"])
        }
    }
}
