import Testing

@testable import Policy

/// A pair's limit caps everything between its clouds; another policy's limit caps its own guests within that.
@Suite struct PairBandwidthTests {
    static let pair = PairEntry.Key(sourceCloud: "a", targetCloud: "b")
    static let usual = BandwidthKey(pair: pair, policy: "usual")
    static let other = BandwidthKey(pair: pair, policy: "other")
    static let none = BandwidthPlan(usualBytesPerSecond: 0)

    static func limit(_ bytes: UInt64) -> BandwidthPlan { BandwidthPlan(usualBytesPerSecond: bytes) }

    /// Two jobs of guests under the pair's policy, `a` and `b`, and two under another, `c` and `d`.
    static func four(pair: BandwidthPlan, other: BandwidthPlan) -> BandwidthShares {
        var shares = BandwidthShares()
        for job in ["a", "b"] { shares.began(job, under: usual, pair, pairPlan: pair, now: Samples.start) }
        for job in ["c", "d"] { shares.began(job, under: Self.other, other, pairPlan: pair, now: Samples.start) }
        return shares
    }

    static func told(_ shares: inout BandwidthShares, at now: PolicyTime = Samples.start) -> [UInt64] {
        ["a", "b"].map { shares.share(of: $0, under: usual, now: now) }
            + ["c", "d"].map { shares.share(of: $0, under: other, now: now) }
    }

    @Test(
        arguments: [
            // An override without a limit, or with one that is never reached, has no second limit on the same link.
            (100, 0, [25, 25, 25, 25]), (100, 100, [25, 25, 25, 25]), (100, 900, [25, 25, 25, 25]),
            // A small one caps its guests, and the others get what it leaves.
            (100, 30, [35, 35, 15, 15]), (100, 2, [49, 49, 1, 1]),
            // Without a limit of the pair only the other policy's holds.
            (0, 30, [0, 0, 15, 15]), (0, 0, [0, 0, 0, 0]),
        ] as [(UInt64, UInt64, [UInt64])])
    func `a pair's limit holds for all its guests, an override's within it`(
        pair: UInt64, other: UInt64, wanted: [UInt64]
    ) {
        var shares = Self.four(pair: Self.limit(pair), other: Self.limit(other))
        #expect(Self.told(&shares) == wanted)
    }

    @Test func `shares of a pair never add up to more than its limit, nor an override's to more than its own`() {
        var random = SeededGenerator(seed: 11)
        for _ in 0..<300 {
            let limits = (0..<4).map { _ in UInt64.random(in: 1_000...1_000_000, using: &random) }
            var shares = BandwidthShares()
            var jobs: [(name: String, group: Int, speed: UInt64)] = []
            for name in 0..<Int.random(in: 1...12, using: &random) {
                let group = Int.random(in: 0..<4, using: &random)
                jobs.append(("\(name)", group, UInt64.random(in: 1...400_000, using: &random)))
                shares.began(
                    "\(name)", under: BandwidthKey(pair: Self.pair, policy: "\(group)"), Self.limit(limits[group]),
                    pairPlan: Self.limit(limits[0]), now: Samples.start)
            }
            var last: [String: UInt64] = [:]
            for second in 0..<12 {
                let now = Samples.start + Int64(second) * 1_000
                for job in jobs {
                    let key = BandwidthKey(pair: Self.pair, policy: "\(job.group)")
                    shares.moved(job.name, under: key, by: min(job.speed, last[job.name] ?? 0))
                    last[job.name] = shares.share(of: job.name, under: key, now: now)
                }
                #expect(last.values.reduce(0, +) <= limits[0], "limits \(limits), jobs \(jobs), told \(last)")
                for group in 0..<4 {
                    let sum = jobs.filter { $0.group == group }.reduce(0) { $0 + (last[$1.name] ?? 0) }
                    #expect(sum <= limits[group], "limits \(limits), jobs \(jobs), told \(last)")
                }
            }
        }
    }

    @Test func `what an override's guests do not take goes to the pair's other guests`() {
        var shares = Self.four(pair: Self.limit(1_000_000), other: Self.none)
        var last = Self.told(&shares)
        for second in 1...12 {
            let now = Samples.start + Int64(second) * 1_000
            for (job, key, bytes) in [
                ("a", Self.usual, last[0]), ("b", Self.usual, last[1]), ("c", Self.other, 20_000),
                ("d", Self.other, 20_000),
            ] { shares.moved(job, under: key, by: bytes) }
            last = Self.told(&shares, at: now)
        }
        #expect(last[0] >= 460_000 && last[1] >= 460_000, "\(last)")
        #expect(last.reduce(0, +) <= 1_000_000, "\(last)")
    }

    @Test func `the hours of the pair's schedule hold for guests with another policy`() {
        let office = BandwidthSchedule(windows: [BandwidthScheduleTests.office])
        let before = BandwidthScheduleTests.at(0, 7, 59)
        var shares = BandwidthShares()
        let pair = BandwidthPlan(usualBytesPerSecond: 20_000_000, schedule: office)
        shares.began("c", under: Self.other, Self.none, pairPlan: pair, now: before)
        #expect(shares.share(of: "c", under: Self.other, now: before) == 20_000_000)
        #expect(shares.share(of: "c", under: Self.other, now: before + 60_000) == 5_000_000)
    }

    @Test func `a pair that comes under another limit, or loses it, follows with the next report`() {
        var shares = Self.four(pair: Self.limit(100), other: Self.none)
        shares.change(pair: Self.pair, to: Self.limit(40))
        #expect(Self.told(&shares) == [10, 10, 10, 10])
        shares.change(policy: "other", to: Self.limit(8))
        #expect(Self.told(&shares) == [16, 16, 4, 4])
        shares.change(pair: Self.pair, to: Self.none)
        shares.change(policy: "usual", to: Self.none)
        #expect(Self.told(&shares) == [0, 0, 4, 4])
    }

    @Test func `another pair of clouds has its own`() {
        var shares = Self.four(pair: Self.limit(100), other: Self.none)
        let elsewhere = BandwidthKey(pair: .init(sourceCloud: "a", targetCloud: "c"), policy: "usual")
        shares.began("e", under: elsewhere, Self.limit(70), pairPlan: Self.limit(70), now: Samples.start)
        #expect(Self.told(&shares) == [25, 25, 25, 25])
        #expect(shares.share(of: "e", under: elsewhere, now: Samples.start) == 70)
    }

    @Test func `a guest whose policy changes while its jobs run is under the other limit at once`() throws {
        var board = JobBoard(seed: 1)
        let guest = ProtectionIdentifier("moved")
        board.post(Samples.posting(Samples.protection, limit: 100_000), now: Samples.start)
        board.post(Samples.posting(guest, pieces: 2, limit: 100_000), now: Samples.start)
        try board.pull(
            RequestToken(value: 1), from: Samples.worker("w"), freeSlots: 4, waitMilliseconds: 1, now: Samples.start)
        guard case .answerPull(_, let grants)? = board.settle(now: Samples.start).first else {
            return #expect(Bool(false))
        }
        #expect(grants.count == 3)
        board.move(guest, to: "other", Self.limit(20_000), now: Samples.start)
        let told = grants.map { grant in
            board.report(
                JobBoard.Report(worker: "w", job: grant.job, attempt: grant.attempt), readBytes: 1, sentBytes: 1,
                now: Samples.start)
        }
        let moved = zip(grants, told).filter { $0.0.posting.protection == guest }.map(\.1)
        let other = zip(grants, told).filter { $0.0.posting.protection != guest }.map(\.1)
        #expect(moved == [.goOn(bandwidthBytesPerSecond: 10_000), .goOn(bandwidthBytesPerSecond: 10_000)])
        #expect(other == [.goOn(bandwidthBytesPerSecond: 80_000)])
        board.withdraw(guest)
        board.withdraw(Samples.protection)
        #expect(board.shares.runningJobs(BandwidthKey(pair: Self.pair, policy: "other")) == 0)
    }
}
