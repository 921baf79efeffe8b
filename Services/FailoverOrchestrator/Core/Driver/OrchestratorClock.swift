import Foundation

/// Reads time for the runs; see ``RunTime`` for why the wall clock is read only once.
struct OrchestratorClock: Sendable {
    private let startedAt: RunTime
    private let origin: ContinuousClock.Instant

    init() {
        startedAt = RunTime(milliseconds: Int64(Date().timeIntervalSince1970 * 1_000))
        origin = .now
    }

    var now: RunTime {
        let (seconds, attoseconds) = origin.duration(to: .now).components
        return startedAt + (seconds * 1_000 + attoseconds / 1_000_000_000_000_000)
    }

    /// When this time is reached, never before it.
    func instant(of time: RunTime) -> ContinuousClock.Instant {
        origin.advanced(by: .milliseconds(time - startedAt + 1))
    }
}
