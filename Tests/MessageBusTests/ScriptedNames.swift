import MessageBus
import Synchronization

/// A resolver that says what a test has written down, and counts what it was asked.
final class ScriptedNames: Sendable {
    private struct State {
        var outcomes: [String: NameResolver.Outcome] = [:]
        var asked: [String: Int] = [:]
    }

    private let state = Mutex(State())

    /// A name that nothing is written down for is never answered.
    var resolver: NameResolver {
        NameResolver { [self] host, answer in
            let outcome = state.withLock { state in
                state.asked[host, default: 0] += 1
                return state.outcomes[host]
            }
            if let outcome { answer(outcome) }
        }
    }

    func say(_ outcome: NameResolver.Outcome, to host: String) { state.withLock { $0.outcomes[host] = outcome } }

    func timesAsked(_ host: String) -> Int { state.withLock { $0.asked[host, default: 0] } }
}
