import ReplicationWorker
import Testing

@Suite struct TokenBucketTests {
    private let start = ContinuousClock().now

    @Test func noLimitNeverWaits() {
        var bucket = TokenBucket(bytesPerSecond: 0, now: start)
        #expect(bucket.take(1 << 30, now: start) == .zero)
    }

    @Test func overManyRecordsTheRateIsKept() {
        var bucket = TokenBucket(bytesPerSecond: 10_000_000, now: start)
        var now = start
        for _ in 0..<1_000 { now += bucket.take(100_000, now: now) }
        let seconds = start.duration(to: now) / .seconds(1)
        #expect(abs(seconds - 10) < 0.2)
    }

    @Test func idleTimeIsNotSavedUp() {
        var bucket = TokenBucket(bytesPerSecond: 1_000_000, now: start)
        let later = start + .seconds(3_600)
        // A tenth of a second's worth goes at once, no more.
        #expect(bucket.take(100_000, now: later) == .zero)
        #expect(bucket.take(100_000, now: later) == .seconds(0.1))
    }

    @Test func aRecordAboveTheBurstWaitsAndIsNotRefused() {
        var bucket = TokenBucket(bytesPerSecond: 1_000, now: start)
        #expect(bucket.take(1_048_576, now: start) > .seconds(1_000))
    }

    @Test func whatWaitsGoesAtTheRateAsItIsNow() {
        var bucket = TokenBucket(bytesPerSecond: 1_000, now: start)
        #expect(bucket.take(100_000, now: start) == .seconds(100))
        #expect(bucket.wait(now: start + .seconds(10)) == .seconds(90))
        bucket.change(bytesPerSecond: 45_000, now: start + .seconds(10))
        #expect(bucket.wait(now: start + .seconds(10)) == .seconds(2))
        #expect(bucket.wait(now: start + .seconds(12)) == .zero)
    }

    @Test func withoutALimitNothingIsOwed() {
        var bucket = TokenBucket(bytesPerSecond: 1_000, now: start)
        #expect(bucket.take(100_000, now: start) == .seconds(100))
        bucket.change(bytesPerSecond: 0, now: start)
        #expect(bucket.wait(now: start) == .zero)
        bucket.change(bytesPerSecond: 1_000, now: start)
        #expect(bucket.take(1_000, now: start) == .seconds(1), "what went without a limit is not paid for later")
    }

    @Test func aChangedRateCountsFromThen() {
        var bucket = TokenBucket(bytesPerSecond: 1_000, now: start)
        bucket.change(bytesPerSecond: 1_000_000, now: start)
        #expect(bucket.take(1_000_000, now: start) <= .seconds(1))
        bucket.change(bytesPerSecond: 0, now: start)
        #expect(bucket.take(1_000_000, now: start) == .zero)
    }
}
