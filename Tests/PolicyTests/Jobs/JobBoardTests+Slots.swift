import Testing

@testable import Policy

/// The slot that is kept for small cycles while the jobs of others wait for a bandwidth limit, or may.
extension JobBoardTests {
    private func first(
        _ name: String = "first", pieces: Int = 8, limit: UInt64, bytes: UInt64 = PolicyLimits.jobBytesTarget
    ) -> JobPosting {
        var posting = Samples.posting(
            ProtectionIdentifier(name), pieces: pieces, objective: now + 600_000, limit: limit, bytes: bytes)
        posting.kind = .full
        return posting
    }

    /// Jobs that a worker gets for as many free slots.
    private func jobs(_ worker: String = "w1", slots: Int) throws -> [String] {
        let token = try pull(worker, slots: slots)
        return grants()[token]?.map(\.posting.protection.text) ?? []
    }

    private func smallCycle(_ name: String = "small") throws {
        board.post(Samples.posting(ProtectionIdentifier(name), objective: now + 1_000), now: now)
        let token = try pull("w1", slots: 2)
        try finish("w1", try #require(grants()[token]?.first))
        _ = settled()
    }

    @Test func `under a bandwidth limit a first copy leaves one slot to small cycles`() throws {
        try smallCycle()
        board.post(first(limit: 5 << 20), now: now)
        #expect(try jobs(slots: 2) == ["first"], "its jobs take a minute each")
        let waiting = try pull("w1")
        #expect(grants()[waiting] == nil)
        board.post(Samples.posting(ProtectionIdentifier("small"), objective: now + 1_000), now: now)
        #expect(grants()[waiting]?.map(\.posting.protection.text) == ["small"])
        #expect(try jobs("w2", slots: 2) == ["first", "first"], "one of four is left")
    }

    @Test func `a slot is kept while small cycles come, and where there is more than one`() throws {
        board.post(first(limit: 5 << 20), now: now)
        #expect(try jobs(slots: 2) == ["first", "first"], "no small cycle was ever seen")
        board.withdraw(ProtectionIdentifier("first"))
        try smallCycle()
        board.post(first("again", limit: 5 << 20), now: now)
        #expect(try jobs("w3", slots: 1) == ["again"], "w1 has slots, too")
        now = now + PolicyLimits.smallExpectedMilliseconds
        #expect(try jobs(slots: 2) == ["again", "again"])
        board = JobBoard(seed: 2)
        try smallCycle()
        board.leave("w1")
        board.post(first(limit: 5 << 20), now: now)
        #expect(try jobs("w4", slots: 1) == ["first"], "the only slot")
    }

    @Test func `where no limit keeps a job for long, every slot is taken`() throws {
        try smallCycle()
        board.post(first("tiny", limit: 0, bytes: PolicyLimits.jobAlignmentBytes), now: now)
        #expect(try jobs(slots: 2) == ["tiny", "tiny"])
        board.withdraw(ProtectionIdentifier("tiny"))
        board.post(first("free", limit: 0), now: now)
        let token = try pull("w1", slots: 2)
        let granted = try #require(grants()[token])
        #expect(granted.count == 1, "it shows how fast they are")
        now = now + 2_000
        try finish("w1", granted[0])
        #expect(try jobs(slots: 2) == ["free", "free"])
        board.post(first("quick", limit: 50 << 20), now: now)
        board.withdraw(ProtectionIdentifier("free"))
        #expect(try jobs(slots: 2) == ["quick", "quick"])
        board.withdraw(ProtectionIdentifier("quick"))
        var comparing = first("comparing", limit: 5 << 20)
        comparing.kind = .compare
        board.post(comparing, now: now)
        #expect(try jobs(slots: 2) == ["comparing", "comparing"], "it sends little")
    }

    @Test(arguments: [JobLimits(perHost: 3, perSitePair: 0), JobLimits(perHost: 0, perSitePair: 3)])
    func `a place is left of the limits per host and per pair of sites, too`(limits: JobLimits) throws {
        board = JobBoard(seed: 1, limits: limits)
        try smallCycle()
        board.post(first(limit: 5 << 20), now: now)
        let token = try pull("w1", slots: 8)
        #expect(grants()[token]?.map(\.posting.protection.text) == ["first", "first"])
        board.post(Samples.posting(ProtectionIdentifier("small"), objective: now + 1_000), now: now)
        #expect(try jobs(slots: 6) == ["small"])
    }

    @Test func `an ordinary cycle of very many jobs leaves a slot to small ones, too`() throws {
        try smallCycle()
        var large = first("large", limit: 5 << 20)
        large.kind = .incremental
        board.post(large, now: now)
        #expect(try jobs(slots: 2) == ["large"])
    }
}
