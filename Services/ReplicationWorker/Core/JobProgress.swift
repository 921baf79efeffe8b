import Synchronization

/// How far one attempt is, and how fast it may go: written by the task that moves the data, read by the one that
/// reports it. One lock, held for a few instructions, so that what was sent and what is paid for belong together.
final class JobProgress: Sendable {
    private struct State: Sendable {
        var counted = JobStateMachine.Totals()
        var bucket: TokenBucket
        /// Of the record under way, which is taken from the bucket whole and paid for as time goes by.
        var underWay: UInt64 = 0
    }

    private let state: Mutex<State>

    init(bytesPerSecond: UInt64, now: ContinuousClock.Instant) {
        state = Mutex(State(bucket: TokenBucket(bytesPerSecond: bytesPerSecond, now: now)))
    }

    /// What has gone, record by record.
    var totals: JobStateMachine.Totals { state.withLock { $0.counted } }

    /// What to report: of the record that waits for its limit, as much as has been waited for.
    ///
    /// The job board takes from it how much of its share a job uses. By whole records a share of 100 kB/s would look
    /// unused for ten seconds, and be given to others.
    func reported(now: ContinuousClock.Instant) -> JobStateMachine.Totals {
        state.withLock { state in
            var totals = state.counted
            totals.sentBytes += state.underWay - min(state.underWay, state.bucket.owed(now: now))
            return totals
        }
    }

    func read(bytes: UInt64) {
        state.withLock { $0.counted.readBytes += bytes }
    }

    /// So much more of the range is dealt with. A long run of zeros moves nothing else.
    func done(bytes: UInt64) {
        state.withLock { $0.counted.doneBytes += bytes }
    }

    func sent(bytes: UInt64, changed: UInt64) {
        state.withLock { state in
            state.underWay = 0
            state.counted.sentBytes += bytes
            state.counted.changedBytes += changed
            state.counted.records += 1
        }
    }

    /// How long to wait before sending `bytes`.
    func take(_ bytes: Int, now: ContinuousClock.Instant) -> Duration {
        state.withLock { state in
            state.underWay = UInt64(bytes)
            return state.bucket.take(bytes, now: now)
        }
    }

    /// How long what was taken last has to wait still: less than before when the limit was raised.
    func wait(now: ContinuousClock.Instant) -> Duration {
        state.withLock { $0.bucket.wait(now: now) }
    }

    func limit(bytesPerSecond: UInt64, now: ContinuousClock.Instant) {
        state.withLock { state in
            guard state.bucket.bytesPerSecond != bytesPerSecond else { return }
            state.bucket.change(bytesPerSecond: bytesPerSecond, now: now)
        }
    }
}
