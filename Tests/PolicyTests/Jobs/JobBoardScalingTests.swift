import Testing

@testable import Policy

/// Which worker gets which job when workers differ, limits bite, and workers go.
@Suite final class JobBoardScalingTests {
    var board = JobBoard(seed: 1)
    var now = Samples.start
    var tokens: UInt64 = 0

    static let piece: UInt64 = 64 << 20

    func pull(_ worker: String, slots: Int = 1, reads hosts: [String] = []) throws -> RequestToken {
        tokens += 1
        let token = RequestToken(value: tokens)
        try board.pull(
            token, from: Samples.worker(worker, reads: hosts), freeSlots: slots, waitMilliseconds: 20_000, now: now)
        return token
    }

    func grants() -> [RequestToken: [JobGrant]] {
        var grants: [RequestToken: [JobGrant]] = [:]
        for case .answerPull(let token, let list) in board.settle(now: now) { grants[token] = list }
        return grants
    }

    func report(_ worker: String, _ grant: JobGrant) -> JobBoard.Report {
        JobBoard.Report(worker: worker, job: grant.job, attempt: grant.attempt)
    }

    func finish(_ worker: String, _ grant: JobGrant) throws {
        try board.finish(report(worker, grant), digest: [1], sentBytes: 10, changedBytes: 20, now: now)
    }

    /// Lets each worker do one job of 64 MiB, so that its speed is known.
    func show(_ speeds: [(worker: String, seconds: Int64)]) throws {
        for (worker, seconds) in speeds {
            board.post(Samples.posting(ProtectionIdentifier("trial"), bytes: Self.piece), now: now)
            let token = try pull(worker)
            let grant = try #require(grants()[token]?.first)
            for _ in 0..<seconds {
                now = now + 1_000
                _ = board.report(report(worker, grant), readBytes: 1, sentBytes: 0, now: now)
            }
            try finish(worker, grant)
            _ = board.settle(now: now)
        }
    }

    // MARK: Limits

    @Test func `no more jobs of a host run than its limit, and another host's go on`() throws {
        board = JobBoard(seed: 1, limits: JobLimits(perHost: 2, perSitePair: 0))
        board.post(Samples.posting(ProtectionIdentifier("a"), pieces: 5), now: now)
        board.post(
            Samples.posting(ProtectionIdentifier("b"), pieces: 1, objective: now + 1, host: "h3", target: "h4"),
            now: now)
        let token = try pull("w1", slots: 8)
        let granted = try #require(grants()[token])
        #expect(granted.map(\.posting.protection.text) == ["a", "a", "b"])
        try finish("w1", granted[0])
        let next = try pull("w1", slots: 6)
        #expect(grants()[next]?.map(\.posting.protection.text) == ["a"])
    }

    @Test func `a host's limit counts what is written to it, too`() throws {
        board = JobBoard(seed: 1, limits: JobLimits(perHost: 1, perSitePair: 0))
        board.post(Samples.posting(ProtectionIdentifier("a"), host: "h1", target: "h2"), now: now)
        board.post(Samples.posting(ProtectionIdentifier("b"), host: "h3", target: "h2"), now: now)
        let token = try pull("w1", slots: 8)
        #expect(grants()[token]?.count == 1)
    }

    @Test func `a pair of sites has one limit, whatever the direction`() throws {
        board = JobBoard(seed: 1, limits: JobLimits(perHost: 0, perSitePair: 3))
        var back = Samples.posting(ProtectionIdentifier("b"), pieces: 2, host: "h2", target: "h1")
        back.sites = SitePair("south", "north")
        var elsewhere = Samples.posting(ProtectionIdentifier("c"), pieces: 2)
        elsewhere.sites = SitePair("north", "east")
        board.post(Samples.posting(ProtectionIdentifier("a"), pieces: 2), now: now)
        board.post(back, now: now)
        board.post(elsewhere, now: now)
        let token = try pull("w1", slots: 10)
        #expect(grants()[token]?.map(\.posting.protection.text) == ["a", "a", "b", "c", "c"])
    }

    @Test func `a job that ends in any way makes room`() throws {
        board = JobBoard(seed: 1, limits: JobLimits(perHost: 1, perSitePair: 1))
        board.post(Samples.posting(pieces: 2), now: now)
        var token = try pull("w1")
        var grant = try #require(grants()[token]?.first)
        try board.fail(report("w1", grant), PolicyError(.unavailable, "link"), now: now)
        token = try pull("w1")
        grant = try #require(grants()[token]?.first)
        now = now + PolicyLimits.leaseMilliseconds
        token = try pull("w2")
        grant = try #require(grants()[token]?.first)
        board.withdraw(Samples.protection)
        #expect(board.counts.admits(Samples.posting()))
        #expect(board.report(report("w2", grant), readBytes: 1, sentBytes: 1, now: now) == .abandon)
    }

    // MARK: Slow workers

    @Test func `a fast worker is filled before a slow one`() throws {
        try show([("slow", 8), ("fast", 2)])
        let slow = try pull("slow", slots: 2)
        let fast = try pull("fast", slots: 2)
        board.post(Samples.posting(pieces: 3), now: now)
        let granted = grants()
        #expect(granted[fast]?.count == 2)
        #expect(granted[slow]?.count == 1)
    }

    @Test func `the last job waits for the fast worker that does it sooner, and goes to it`() throws {
        try show([("slow", 40), ("fast", 2)])
        let fast = try pull("fast")
        _ = try pull("slow")
        board.post(Samples.posting(pieces: 2, bytes: Self.piece), now: now)
        let granted = grants()
        let first = try #require(granted[fast]?.first)
        #expect(granted.count == 1, "the slow worker would need 40 s")
        now = now + 2_000
        try finish("fast", first)
        #expect(grants().isEmpty, "between two jobs the fast worker is still there")
        let again = try pull("fast")
        #expect(grants()[again]?.count == 1)
    }

    @Test func `what a fast worker cannot do sooner goes to the slow one`() throws {
        try show([("slow", 40), ("fast", 10)])
        let fast = try pull("fast")
        let slow = try pull("slow")
        board.post(Samples.posting(pieces: 6, bytes: Self.piece), now: now)
        let granted = grants()
        #expect(granted[fast]?.count == 1)
        #expect(granted[slow]?.count == 1)
    }

    @Test func `a job kept for a faster worker that is gone goes to the slow one after two seconds`() throws {
        try show([("slow", 40), ("fast", 2)])
        let slow = try pull("slow")
        board.post(Samples.posting(bytes: Self.piece), now: now)
        #expect(grants().isEmpty)
        let wake = try #require(board.wakesAt)
        #expect(wake <= now + PolicyLimits.presentMilliseconds)
        now = now + PolicyLimits.presentMilliseconds
        #expect(grants()[slow]?.count == 1)
    }

    @Test func `a job is kept for a faster worker for half a minute at most`() throws {
        try show([("slow", 40), ("fast", 2)])
        let fast = try pull("fast")
        var posting = Samples.posting(pieces: 2, bytes: Self.piece)
        for index in posting.pieces.indices { posting.pieces[index].length = 1 << 40 }
        board.post(posting, now: now)
        let first = try #require(grants()[fast]?.first)
        let begun = now
        var given: Int64?
        while given == nil, now - begun < 60_000 {
            // It goes on as fast as before, and never ends.
            let read = UInt64(now - begun) / 1_000 * (32 << 20)
            _ = board.report(report("fast", first), readBytes: read, sentBytes: 0, now: now)
            let slow = try pull("slow")
            if grants()[slow]?.isEmpty == false { given = now - begun }
            now = now + 1_000
        }
        #expect(given == PolicyLimits.heldForFasterMilliseconds)
    }

    @Test func `a job is kept for a faster worker no longer than the waiting one needs for it`() throws {
        try show([("slow", 6), ("fast", 1)])
        // Busy for an hour with what another pair's limit lets through.
        var other = Samples.posting(ProtectionIdentifier("other"), limit: 20_000, host: "h3", bytes: Self.piece)
        other.bandwidth.pair = .init(sourceCloud: "c", targetCloud: "d")
        board.post(other, now: now)
        let fast = try pull("fast")
        let hour = try #require(grants()[fast]?.first)
        board.post(Samples.posting(bytes: Self.piece), now: now)
        let slow = try pull("slow")
        #expect(grants()[slow] == nil)
        let begun = now
        while now - begun < 5_000 {
            now = now + 1_000
            let read = UInt64(now - begun) * 20
            #expect(board.report(report("fast", hour), readBytes: read, sentBytes: read, now: now) != .abandon)
            #expect(grants().isEmpty, "the fast worker may be free in time")
        }
        #expect(board.wakesAt == begun + 6_000)
        now = begun + 6_000
        #expect(grants()[slow]?.count == 1)
    }

    @Test func `a worker held back by the bandwidth limit does not count as slow`() {
        var speed = JobSpeed()
        speed.finished(64 << 20, in: 1_000, isHeldBack: false)
        speed.finished(64 << 20, in: 60_000, isHeldBack: true)
        #expect(speed.bytesPerSecond == 64 << 20)
        speed.finished(64 << 20, in: 60_000, isHeldBack: false)
        #expect(speed.bytesPerSecond < 40 << 20)
        var unknown = JobSpeed()
        unknown.ran(1 << 20, in: 2_000, isHeldBack: false)
        #expect(unknown.bytesPerSecond == 0, "a megabyte in two seconds says nothing yet")
        unknown.ran(1 << 20, in: 10_000, isHeldBack: false)
        #expect(unknown.bytesPerSecond == 104_857)
    }

    // MARK: Going

    @Test func `a drained worker finishes what it has, gets nothing more, and is drained then`() throws {
        board.post(Samples.posting(pieces: 2), now: now)
        let token = try pull("w1")
        let grant = try #require(grants()[token]?.first)
        #expect(try board.drain("w1", now: now))
        #expect(try !board.drain("w1", now: now), "drained twice is drained")
        #expect(board.workers(at: now).map(\.state) == [.draining])
        #expect(board.report(report("w1", grant), readBytes: 1, sentBytes: 1, now: now) != .abandon)
        try finish("w1", grant)
        #expect(board.workers(at: now).map(\.state) == [.drained])
        let waiting = try pull("w1")
        #expect(grants()[waiting] == nil)
        #expect(!board.isServed(host: "h1", named: "alpha") && board.slots == 0)
        #expect(board.noWorker(host: "h1", named: "alpha").remedy.contains("resume"))
        #expect(try board.resume("w1"))
        #expect(grants()[waiting]?.count == 1)
        #expect(board.workers(at: now).map(\.state) == [.working])
    }

    /// The only worker has the first job of these, moves it for a minute and a half, and was drained after its grant.
    private func drainLastWorker(pieces: Int) throws -> JobGrant {
        board.post(Samples.posting(pieces: pieces), now: now)
        let token = try pull("w1")
        let grant = try #require(grants()[token]?.first)
        _ = try board.drain("w1", now: now)
        for second in 1...90 as ClosedRange<UInt64> {
            now = now + 1_000
            #expect(board.report(report("w1", grant), readBytes: second, sentBytes: second, now: now) != .abandon)
            _ = board.settle(now: now)
        }
        return grant
    }

    @Test func `the last worker, drained, finishes the cycle that it has the last job of`() throws {
        let grant = try drainLastWorker(pieces: 1)
        try finish("w1", grant)
        guard case .finished? = board.settle(now: now).last else { return #expect(Bool(false)) }
    }

    @Test func `what the last worker, drained, leaves undone fails a minute after its last job`() throws {
        let grant = try drainLastWorker(pieces: 2)
        try finish("w1", grant)
        _ = board.settle(now: now)
        now = now + (PolicyLimits.unclaimedMilliseconds - 1)
        #expect(board.settle(now: now).isEmpty)
        now = now + 1
        guard case .failed? = board.settle(now: now).last else { return #expect(Bool(false)) }
    }

    @Test func `a drained worker that is not there is shown, and a name nobody has is refused`() throws {
        board = JobBoard(seed: 1, drained: DrainedWorkers(stored: ["old": now], now: now))
        let seen = try #require(board.workers(at: now).first)
        #expect(seen.state == .drained && seen.lastSeenAgeMilliseconds == nil && seen.introduction.name == "old")
        #expect(try #require(throws: PolicyError.self) { try board.drain("typo", now: now) }.code == .notFound)
        #expect(try #require(throws: PolicyError.self) { try board.resume("typo") }.code == .notFound)
        #expect(try board.resume("old"))
        #expect(board.workers(at: now).isEmpty)
    }

    @Test func `a job that stopping workers give back is no failed one`() throws {
        board.post(Samples.posting(), now: now)
        for round in 1...10 {
            let token = try pull("w\(round)")
            let grant = try #require(grants()[token]?.first)
            try board.fail(report("w\(round)", grant), PolicyError(.unavailable, "stops"), isGivenBack: true, now: now)
        }
        #expect(board.openCycles == 1)
        let token = try pull("last")
        try finish("last", try #require(grants()[token]?.first))
        guard case .finished? = board.settle(now: now).last else { return #expect(Bool(false)) }
    }

    @Test func `a job that is always given back fails its cycle at last`() throws {
        board.post(Samples.posting(), now: now)
        var rounds = 0
        while board.openCycles == 1, rounds < 200 {
            rounds += 1
            let token = try pull("w")
            let grant = try #require(grants()[token]?.first)
            try board.fail(report("w", grant), PolicyError(.unavailable, "no slot"), isGivenBack: true, now: now)
        }
        #expect(rounds == PolicyLimits.jobReturnsMaximum + PolicyLimits.jobFailuresMaximum)
    }

    @Test func `a worker that leaves is answered at once, gets nothing, and is forgotten after its jobs`() throws {
        board.post(Samples.posting(), now: now)
        let token = try pull("w1", slots: 2)
        let grant = try #require(grants()[token]?.first)
        let waiting = try pull("w1")
        board.leave("w1")
        #expect(grants()[waiting] == [])
        board.leave("unknown")
        #expect(board.workers(at: now).map(\.state) == [.draining])
        try finish("w1", grant)
        _ = board.settle(now: now)
        #expect(board.workers(at: now).isEmpty)
    }

    @Test func `a worker's jobs are listed with what they move`() throws {
        board.post(Samples.posting(pieces: 2), now: now)
        let token = try pull("w1", slots: 3)
        let granted = try #require(grants()[token])
        now = now + 2_000
        _ = board.report(report("w1", granted[0]), readBytes: 400, sentBytes: 200, now: now)
        let worker = try #require(board.workers(at: now).first)
        #expect(worker.slots == 3 && worker.runningJobs == 2 && worker.state == .working)
        let job = try #require(worker.jobs.first { $0.job == granted[0].job })
        #expect(job.guestName == "web" && job.diskTarget == "vda" && job.readBytes == 400)
        #expect(job.bytesPerSecond == 100)
    }
}
