import Foundation

/// Reads time for the engine; see ``PolicyTime`` for why the wall clock is read only once, but for the hour of the day.
struct PolicyClock: Sendable {
    private let startedAt: PolicyTime
    private let origin: ContinuousClock.Instant

    init() { self.init(startedAt: Self.wallNow) }

    init(startedAt: PolicyTime) {
        self.startedAt = startedAt
        origin = .now
    }

    var now: PolicyTime {
        let (seconds, attoseconds) = origin.duration(to: .now).components
        return startedAt + (seconds * 1_000 + attoseconds / 1_000_000_000_000_000)
    }

    /// Milliseconds by which the wall clock is ahead of this one, since it was stepped.
    var wallAhead: Int64 { Self.wallNow - now }

    private static var wallNow: PolicyTime {
        PolicyTime(milliseconds: Int64(Date().timeIntervalSince1970 * 1_000))
    }

    /// When this time is reached, never before it.
    func instant(of time: PolicyTime) -> ContinuousClock.Instant {
        origin.advanced(by: .milliseconds(time - startedAt + 1))
    }
}
