/// Waiting times after failures: 1 s, doubled each time, at most 60 s.
struct Backoff: Hashable, Sendable {
    private(set) var failures = 0

    /// Counts one more failure and gives the milliseconds to wait after it.
    mutating func next() -> Int64 {
        let doublings = min(failures, 6)
        failures += 1
        return min(PolicyLimits.backoffFirstMilliseconds << doublings, PolicyLimits.backoffMaximumMilliseconds)
    }

    mutating func reset() { failures = 0 }
}
