import Synchronization

/// How far long work on replicas is: one commit or preparation per protection at a time, begun once and asked about
/// until it ended. Its end is told once, because the next request may mean the next work.
final class ReplicaWork: Sendable {
    enum Kind: Sendable, Equatable {
        case commit
        case prepare
    }

    struct Progress: Sendable, Equatable {
        var doneBytes: UInt64 = 0
        var totalBytes: UInt64 = 0
    }

    enum Outcome: Sendable {
        case underWay(Progress)
        case finished(Progress)
        case failed(any Error)
    }

    private struct Entry {
        var kind: Kind
        var outcome: Outcome

        var isUnderWay: Bool {
            switch outcome {
            case .underWay: true
            case .finished, .failed: false
            }
        }
    }

    let isDue = Bell()
    private let state = Mutex<(entries: [String: Entry], queue: [String])>(([:], []))

    /// Begins it unless it is under way, or answers how it ended.
    func begin(_ kind: Kind, _ protection: String) throws -> Outcome {
        let outcome: Outcome = try state.withLock { state in
            // How other work ended interests nobody who asks for this.
            guard let known = state.entries[protection], known.isUnderWay || known.kind == kind else {
                state.entries[protection] = Entry(kind: kind, outcome: .underWay(Progress()))
                state.queue.append(protection)
                return .underWay(Progress())
            }
            switch known.outcome {
            case .underWay:
                guard known.kind == kind else {
                    throw HostAgentError(
                        .unavailable, "Other work on the replica is under way.", remedy: "Ask again when it has ended.",
                        facts: ["work": "\(known.kind)"])
                }
                return known.outcome
            case .finished, .failed:
                state.entries[protection] = nil
                return known.outcome
            }
        }
        isDue.ring()
        return outcome
    }

    /// How work that needs no beginning any more goes on or ended; nil when its end was told, or nothing is known of it.
    func ending(_ kind: Kind, _ protection: String) -> Outcome? {
        state.withLock { state in
            guard let known = state.entries[protection], known.kind == kind else { return nil }
            if !known.isUnderWay { state.entries[protection] = nil }
            return known.outcome
        }
    }

    func next() -> (protection: String, kind: Kind)? {
        state.withLock { state in
            guard !state.queue.isEmpty else { return nil }
            let protection = state.queue.removeFirst()
            return state.entries[protection].map { (protection, $0.kind) }
        }
    }

    func note(_ outcome: Outcome, of protection: String) {
        state.withLock { $0.entries[protection]?.outcome = outcome }
    }

    func isUnderWay(_ protection: String) -> Bool {
        state.withLock { $0.entries[protection]?.isUnderWay ?? false }
    }
}
