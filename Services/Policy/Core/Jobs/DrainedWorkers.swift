/// Names of workers that get no job until they are resumed, and when each was last there.
///
/// A name that nobody had for a day is forgotten, because in a container it is a random one that never comes back.
/// When it was there is stored at most once an hour, so a start takes every name for seen an hour after that; and it
/// gives each an hour to show itself, because while the service was away nobody could be seen.
///
/// Always: a name is forgotten only after it was not seen for a whole day, or for an hour after a start that came later.
struct DrainedWorkers: Sendable {
    /// What became of names since it was last asked, in their order.
    struct Changes: Hashable, Sendable {
        var seen: [String] = []
        var forgotten: [String] = []
    }

    private var seen: [String: PolicyTime]
    private var stored: [String: PolicyTime]

    /// - Parameter stored: when each name was last there, as the store knows.
    init(stored: [String: PolicyTime] = [:], now: PolicyTime = PolicyTime(milliseconds: 0)) {
        // A clock that was ahead may have given times that are still to come.
        let stored = stored.mapValues { min($0, now) }
        self.stored = stored
        let every = PolicyLimits.drainedSeenEveryMilliseconds
        let earliest = now + (every - PolicyLimits.drainedForgottenMilliseconds)
        seen = stored.mapValues { max($0 + every, earliest) }
    }

    var names: Set<String> { Set(seen.keys) }

    var count: Int { seen.count }

    func contains(_ name: String) -> Bool { seen[name] != nil }

    /// When the next name is forgotten unless it shows itself.
    var forgetsAt: PolicyTime? { seen.values.min().map { $0 + PolicyLimits.drainedForgottenMilliseconds } }

    mutating func drain(_ name: String, now: PolicyTime) {
        seen[name] = now
        stored[name] = now
    }

    /// - Returns: whether it was drained.
    mutating func resume(_ name: String) -> Bool {
        stored[name] = nil
        return seen.removeValue(forKey: name) != nil
    }

    /// - Parameter present: names of the workers that are there now.
    mutating func settle(present: Set<String>, now: PolicyTime) -> Changes {
        var changes = Changes()
        guard !seen.isEmpty else { return changes }
        for name in seen.keys.sorted() {
            if present.contains(name) {
                seen[name] = now
                let isStored = stored[name].map { now - $0 < PolicyLimits.drainedSeenEveryMilliseconds } ?? false
                guard !isStored else { continue }
                stored[name] = now
                changes.seen.append(name)
            } else if let last = seen[name], now - last >= PolicyLimits.drainedForgottenMilliseconds {
                _ = resume(name)
                changes.forgotten.append(name)
            }
        }
        return changes
    }
}
