/// How fast long work goes and how long it will still take, from samples of how much is done.
///
/// The rate is that of a sliding window, because work that was slow an hour ago says nothing about the next minute,
/// and the last second alone jumps about.
package struct ProgressEstimator: Sendable {
    private struct Sample {
        var milliseconds: Int64
        var done: UInt64
    }

    /// Samples older than this do not count, unless they are the only ones.
    package static let windowMilliseconds: Int64 = 10_000
    /// Bounds memory when samples come faster than expected.
    package static let longestWindow = 256

    private var samples: [Sample] = []
    package private(set) var done: UInt64 = 0
    package private(set) var total: UInt64 = 0

    package init() {}

    /// Notes that `done` of `total` was done at a time of a monotonic clock. A `done` that falls (a new attempt, a new
    /// cycle) starts the window anew.
    package mutating func note(done: UInt64, total: UInt64, atMilliseconds now: Int64) {
        if done < self.done { samples.removeAll() }
        self.done = done
        self.total = max(total, done)
        samples.append(Sample(milliseconds: now, done: done))
        while samples.count > 2,
            samples.count > Self.longestWindow || now - samples[1].milliseconds >= Self.windowMilliseconds
        {
            samples.removeFirst()
        }
    }

    /// 0…1; nil while the total is not known.
    package var fraction: Double? { total == 0 ? nil : Double(done) / Double(total) }

    /// Nil until two samples at different times are there.
    package var bytesPerSecond: UInt64? {
        guard let first = samples.first, let last = samples.last, last.milliseconds > first.milliseconds else {
            return nil
        }
        let (high, low) = (last.done - first.done).multipliedFullWidth(by: 1_000)
        let milliseconds = UInt64(last.milliseconds - first.milliseconds)
        return high < milliseconds ? milliseconds.dividingFullWidth((high, low)).quotient : .max
    }

    /// Nil when it cannot be told: nothing known yet, or nothing moves.
    package var millisecondsLeft: Int64? {
        guard let rate = bytesPerSecond, rate > 0, total > 0 else { return nil }
        let (high, low) = (total - done).multipliedFullWidth(by: 1_000)
        return high < rate ? Int64(clamping: rate.dividingFullWidth((high, low)).quotient) : .max
    }
}
