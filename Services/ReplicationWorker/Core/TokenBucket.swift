/// Limits a rate in bytes per second, as a value: it is told the time and answers how long to wait.
package struct TokenBucket: Sendable {
    /// 0: no limit.
    package private(set) var bytesPerSecond: UInt64
    private var tokens: Double
    private var last: ContinuousClock.Instant

    package init(bytesPerSecond: UInt64, now: ContinuousClock.Instant) {
        self.bytesPerSecond = bytesPerSecond
        tokens = 0
        last = now
    }

    package mutating func change(bytesPerSecond rate: UInt64, now: ContinuousClock.Instant) {
        refill(now)
        bytesPerSecond = rate
        // Without a limit nothing is owed, also once there is one again.
        tokens = rate == 0 ? 0 : min(tokens, burst)
    }

    /// Takes `bytes` and answers how long the sender has to wait before it sends them. The bucket may go below empty:
    /// one record bigger than the burst waits longer, and is not refused.
    package mutating func take(_ bytes: Int, now: ContinuousClock.Instant) -> Duration {
        guard bytesPerSecond > 0 else { return .zero }
        refill(now)
        tokens -= Double(bytes)
        return wait(now: now)
    }

    /// How long what was taken has to wait still, at the rate as it is now.
    package mutating func wait(now: ContinuousClock.Instant) -> Duration {
        guard bytesPerSecond > 0 else { return .zero }
        refill(now)
        guard tokens < 0 else { return .zero }
        return .seconds(-tokens / Double(bytesPerSecond))
    }

    /// What was taken and is not paid for yet, in bytes; 0 without a limit.
    package mutating func owed(now: ContinuousClock.Instant) -> UInt64 {
        guard bytesPerSecond > 0 else { return 0 }
        refill(now)
        return UInt64(max(0, -tokens).rounded(.up))
    }

    /// A tenth of a second's worth, because a limit is there to keep a link usable for others, not to average out.
    private var burst: Double { Double(bytesPerSecond) / 10 }

    private mutating func refill(_ now: ContinuousClock.Instant) {
        let elapsed = last.duration(to: now)
        guard elapsed > .zero else { return }
        last = now
        tokens = min(burst, tokens + Double(bytesPerSecond) * (elapsed / .seconds(1)))
    }
}
