import Testing

@testable import ReplicationWorker

/// What is told of a job that waits for its limit.
@Suite struct JobProgressTests {
    private let start = ContinuousClock().now

    /// The job board gives away what a job is not seen to use, and looks every three seconds.
    @Test func aRecordIsToldAsItIsPaidFor() {
        let progress = JobProgress(bytesPerSecond: 100_000, now: start)
        #expect(progress.take(1_000_000, now: start) == .seconds(10))
        let told = (0...11).map { progress.reported(now: start + .seconds($0)).sentBytes }
        #expect(told == (0...10).map { UInt64($0) * 100_000 } + [1_000_000])
        #expect(progress.totals.sentBytes == 0, "what has gone is told when it has")
        progress.sent(bytes: 1_000_000, changed: 1 << 20)
        #expect(progress.reported(now: start + .seconds(11)).sentBytes == 1_000_000)
        #expect(progress.totals.sentBytes == 1_000_000 && progress.totals.records == 1)
    }

    @Test func whatIsToldNeverGoesBack() {
        let progress = JobProgress(bytesPerSecond: 1_000, now: start)
        var now = start
        var before: UInt64 = 0
        for (step, limit) in ([500, 2_000, 0, 100, 1_000] as [UInt64]).enumerated() {
            _ = progress.take(5_000, now: now)
            for _ in 0..<3 {
                now += .seconds(1)
                let told = progress.reported(now: now).sentBytes
                #expect(told >= before, "step \(step)")
                before = told
            }
            progress.limit(bytesPerSecond: limit, now: now)
            #expect(progress.reported(now: now).sentBytes >= before, "at the limit of step \(step)")
            progress.sent(bytes: 5_000, changed: 5_000)
            before = progress.reported(now: now).sentBytes
        }
        #expect(before == 25_000)
    }

    @Test func withoutALimitARecordIsToldAtOnce() {
        let progress = JobProgress(bytesPerSecond: 0, now: start)
        #expect(progress.take(1_000, now: start) == .zero)
        #expect(progress.reported(now: start).sentBytes == 1_000)
    }
}
