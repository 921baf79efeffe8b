import Testing

@testable import Policy

@Suite struct BandwidthSharesTests {
    static let key = BandwidthKey(pair: .init(sourceCloud: "a", targetCloud: "b"), policy: "p")

    /// Lets jobs run for some seconds, each as fast as it can and may, and gives their last shares.
    static func run(
        _ shares: inout BandwidthShares, _ speeds: [String: UInt64], from now: inout PolicyTime, seconds: Int
    ) -> [String: UInt64] {
        var last: [String: UInt64] = [:]
        for job in speeds.keys { last[job] = shares.share(of: job, under: key, now: now) }
        for _ in 0..<seconds {
            now = now + 1_000
            for (job, speed) in speeds {
                shares.moved(job, under: key, by: min(speed, last[job] ?? 0))
                last[job] = shares.share(of: job, under: key, now: now)
            }
        }
        return last
    }

    @Test(
        arguments: [
            (100, [nil, nil], 50), (100, [10, nil], 90), (100, [10, 20, nil, nil], 35), (100, [60, nil], 50),
            (100, [10, 20], 100), (7, [nil, nil, nil], 2), (100, [], 100),
        ] as [(UInt64, [UInt64?], UInt64)])
    func `the level fills all jobs, none above its cap`(limit: UInt64, caps: [UInt64?], level: UInt64) {
        #expect(BandwidthShares.level(of: limit, caps: caps) == level)
    }

    @Test func `shares never add up to more than the limit`() {
        var random = SeededGenerator(seed: 4)
        for _ in 0..<2_000 {
            let caps = (0..<Int.random(in: 1...20, using: &random)).map { _ in
                Bool.random(using: &random) ? UInt64.random(in: 1...1_000, using: &random) : nil
            }
            let limit = UInt64.random(in: 1...10_000, using: &random)
            let level = BandwidthShares.level(of: limit, caps: caps)
            let sum = caps.reduce(0) { $0 + min(level, $1 ?? level) }
            #expect(sum <= limit, "limit \(limit), caps \(caps)")
        }
    }

    @Test func `what a slow job does not take goes to the others, and it has it back when it is faster`() {
        var shares = BandwidthShares()
        var now = Samples.start
        let plan = BandwidthPlan(usualBytesPerSecond: 1_000_000)
        for job in ["slow", "fast"] { shares.began(job, under: Self.key, plan, pairPlan: plan, now: now) }
        var last = Self.run(&shares, ["slow": 100_000, "fast": .max], from: &now, seconds: 12)
        #expect((100_000...150_000).contains(last["slow"] ?? 0), "\(last)")
        #expect((850_000...900_000).contains(last["fast"] ?? 0), "\(last)")
        last = Self.run(&shares, ["slow": .max, "fast": .max], from: &now, seconds: 30)
        #expect((last["slow"] ?? 0) >= 450_000, "\(last)")
        #expect((last["slow"] ?? 0) + (last["fast"] ?? 0) <= 1_000_000)
    }

    @Test func `a job that sends nothing for a while keeps an eighth, to begin with`() {
        var shares = BandwidthShares()
        var now = Samples.start
        let plan = BandwidthPlan(usualBytesPerSecond: 800_000)
        for job in ["comparing", "sending"] { shares.began(job, under: Self.key, plan, pairPlan: plan, now: now) }
        let last = Self.run(&shares, ["comparing": 0, "sending": .max], from: &now, seconds: 20)
        #expect(last["comparing"] == 50_000)
        #expect(last["sending"] == 750_000)
    }

    @Test func `a policy that is changed holds for the jobs that run`() {
        var shares = BandwidthShares()
        let now = Samples.start
        let plan = BandwidthPlan(usualBytesPerSecond: 1_000)
        shares.began("a", under: Self.key, plan, pairPlan: BandwidthPlan(usualBytesPerSecond: 0), now: now)
        #expect(shares.share(of: "a", under: Self.key, now: now) == 1_000)
        shares.change(policy: "other", to: BandwidthPlan(usualBytesPerSecond: 5))
        #expect(shares.share(of: "a", under: Self.key, now: now) == 1_000)
        shares.change(policy: "p", to: BandwidthPlan(usualBytesPerSecond: 300))
        #expect(shares.share(of: "a", under: Self.key, now: now) == 300)
        shares.change(policy: "p", to: BandwidthPlan(usualBytesPerSecond: 0))
        #expect(shares.share(of: "a", under: Self.key, now: now) == 0)
    }

    @Test func `a window of the schedule changes the shares while jobs run`() {
        var shares = BandwidthShares()
        let office = BandwidthSchedule(windows: [BandwidthScheduleTests.office])
        let before = BandwidthScheduleTests.at(0, 7, 59)
        let plan = BandwidthPlan(usualBytesPerSecond: 20_000_000, schedule: office)
        for job in ["a", "b"] { shares.began(job, under: Self.key, plan, pairPlan: plan, now: before) }
        #expect(shares.share(of: "a", under: Self.key, now: before) == 10_000_000)
        #expect(shares.share(of: "a", under: Self.key, now: before + 60_000) == 2_500_000)
    }

    /// As when the machine's clock is set after the service has started.
    @Test func `the hours of the schedule are those of the wall clock`() {
        var shares = BandwidthShares()
        let plan = BandwidthPlan(
            usualBytesPerSecond: 20_000_000, schedule: BandwidthSchedule(windows: [BandwidthScheduleTests.office]))
        let night = BandwidthScheduleTests.at(0, 3)
        shares.began("a", under: Self.key, plan, pairPlan: plan, now: night)
        #expect(shares.share(of: "a", under: Self.key, now: night) == 20_000_000)
        shares.wallAhead = 6 * 3_600_000
        #expect(shares.share(of: "a", under: Self.key, now: night) == 5_000_000)
        shares.wallAhead = -3_600_000
        #expect(shares.share(of: "a", under: Self.key, now: night + 5 * 3_600_000) == 20_000_000)
    }
}
