import Synchronization

/// How far one attempt is, and how fast it may go: written by the task that moves the data, read by the one that
/// reports it. A lock each, held for a few instructions, because both would otherwise wait for the other's disk or link.
final class JobProgress: Sendable {
    private let counted = Mutex(JobStateMachine.Totals())
    private let bucket: Mutex<TokenBucket>

    init(bytesPerSecond: UInt64, now: ContinuousClock.Instant) {
        bucket = Mutex(TokenBucket(bytesPerSecond: bytesPerSecond, now: now))
    }

    var totals: JobStateMachine.Totals { counted.withLock { $0 } }

    func read(bytes: UInt64) {
        counted.withLock { $0.readBytes += bytes }
    }

    func sent(bytes: UInt64, changed: UInt64) {
        counted.withLock { totals in
            totals.sentBytes += bytes
            totals.changedBytes += changed
            totals.records += 1
        }
    }

    /// How long to wait before sending `bytes`.
    func take(_ bytes: Int, now: ContinuousClock.Instant) -> Duration {
        bucket.withLock { $0.take(bytes, now: now) }
    }

    /// How long what was taken last has to wait still: less than before when the limit was raised.
    func wait(now: ContinuousClock.Instant) -> Duration {
        bucket.withLock { $0.wait(now: now) }
    }

    func limit(bytesPerSecond: UInt64, now: ContinuousClock.Instant) {
        bucket.withLock { bucket in
            if bucket.bytesPerSecond != bytesPerSecond { bucket.change(bytesPerSecond: bytesPerSecond, now: now) }
        }
    }
}
