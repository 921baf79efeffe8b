import Replica
import Synchronization

/// Work on replicas that nobody waits for: which replicas are due for retention, which for a scrub, and how far each
/// scrub is. A replica is in each queue at most once, so the queues are no longer than there are replicas.
final class BackgroundWork: Sendable {
    enum Scrub: Sendable, Equatable {
        case waiting
        case running(ScrubReport)
        case finished(ScrubReport)
        case failed(String)

        var isUnderWay: Bool {
            switch self {
            case .waiting, .running: true
            case .finished, .failed: false
            }
        }
    }

    private struct State {
        var retention: [String] = []
        var scrubs: [String] = []
        var progress: [String: Scrub] = [:]
    }

    let retentionIsDue = Bell()
    let scrubIsDue = Bell()
    private let state = Mutex(State())

    // MARK: Retention

    func retain(_ protection: String) {
        state.withLock { state in
            if !state.retention.contains(protection) { state.retention.append(protection) }
        }
        retentionIsDue.ring()
    }

    func nextRetention() -> String? {
        state.withLock { $0.retention.isEmpty ? nil : $0.retention.removeFirst() }
    }

    // MARK: Scrubs

    /// Starts a scrub unless one is under way; answers how far it is. A finished one is started again only when asked.
    func scrub(_ protection: String, restart: Bool) -> Scrub {
        let progress: Scrub = state.withLock { state in
            if let known = state.progress[protection], known.isUnderWay || !restart { return known }
            state.progress[protection] = .waiting
            state.scrubs.append(protection)
            return .waiting
        }
        scrubIsDue.ring()
        return progress
    }

    func nextScrub() -> String? {
        state.withLock { $0.scrubs.isEmpty ? nil : $0.scrubs.removeFirst() }
    }

    func note(_ progress: Scrub, of protection: String) {
        state.withLock { state in
            // A replica that was deleted meanwhile is not entered again.
            if state.progress[protection] != nil { state.progress[protection] = progress }
        }
    }

    func forget(_ protection: String) {
        state.withLock { state in
            state.retention.removeAll { $0 == protection }
            state.scrubs.removeAll { $0 == protection }
            state.progress[protection] = nil
        }
    }

    /// Whoever waits for work looks again.
    func wake() {
        retentionIsDue.ring()
        scrubIsDue.ring()
    }
}
