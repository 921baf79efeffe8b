import Testing

@testable import Policy

@Suite final class JobBoardTests {
    var board = JobBoard(seed: 1)
    var now = Samples.start
    var tokens: UInt64 = 0

    func pull(_ worker: String, slots: Int = 1, reads hosts: [String] = []) throws -> RequestToken {
        tokens += 1
        let token = RequestToken(value: tokens)
        try board.pull(
            token, from: Samples.worker(worker, reads: hosts), freeSlots: slots, waitMilliseconds: 20_000, now: now)
        return token
    }

    func settled() -> [JobBoard.Outcome] { board.settle(now: now) }

    /// Grants by the token of the pull that got them.
    func grants() -> [RequestToken: [JobGrant]] {
        var grants: [RequestToken: [JobGrant]] = [:]
        for case .answerPull(let token, let list) in settled() { grants[token] = list }
        return grants
    }

    func report(_ worker: String, _ grant: JobGrant) -> JobBoard.Report {
        JobBoard.Report(worker: worker, job: grant.job, attempt: grant.attempt)
    }

    func finish(_ worker: String, _ grant: JobGrant) throws {
        try board.finish(report(worker, grant), digest: [1], sentBytes: 10, changedBytes: 20, now: now)
    }

    @Test func `a pull waits for work and gets it`() throws {
        let token = try pull("w1")
        #expect(settled().isEmpty)
        board.post(Samples.posting(), now: now)
        let grants = grants()
        #expect(grants[token]?.count == 1)
        #expect(grants[token]?.first?.attempt == 1)
    }

    @Test func `a pull without work is answered with none when its time is over`() throws {
        let token = try pull("w1")
        #expect(board.wakesAt == now + 20_000)
        now = now + 20_000
        #expect(grants()[token] == [])
    }

    @Test func `a worker's newer pull replaces the one before`() throws {
        let first = try pull("w1")
        let second = try pull("w1", slots: 2)
        board.post(Samples.posting(pieces: 2), now: now)
        let grants = grants()
        #expect(grants[first] == [])
        #expect(grants[second]?.count == 2)
    }

    @Test func `the earliest objective goes first`() throws {
        board.post(Samples.posting(ProtectionIdentifier("later"), objective: now + 9_000), now: now)
        board.post(Samples.posting(ProtectionIdentifier("sooner"), objective: now + 1_000), now: now)
        let token = try pull("w1")
        #expect(grants()[token]?.first?.posting.protection.text == "sooner")
    }

    /// Which cycles get the next free slots, one after the other, of one worker that finishes each job at once.
    private func turns(_ count: Int) throws -> [String] {
        try (0..<count).compactMap { _ in
            let token = try pull("w1")
            guard let grant = grants()[token]?.first else { return nil }
            try finish("w1", grant)
            return grant.posting.protection.text
        }
    }

    private func long(_ name: String, pieces: Int, objective: PolicyTime) -> JobPosting {
        var posting = Samples.posting(ProtectionIdentifier(name), pieces: pieces, objective: objective)
        posting.kind = .full
        return posting
    }

    @Test func `past its grace a long cycle takes every second slot that ordinary ones could have`() throws {
        board.post(long("long", pieces: 200, objective: PolicyTime(milliseconds: 1)), now: now)
        board.post(long("later", pieces: 200, objective: now), now: now)
        #expect(try turns(3) == ["long", "long", "long"])
        // Asked for long before it is due, as the last one of a planned failover may be.
        board.post(Samples.posting(ProtectionIdentifier("small"), pieces: 3, objective: now + 3_600_000), now: now)
        #expect(try turns(8) == ["small", "long", "small", "long", "small", "long", "long", "long"])
    }

    @Test func `slots that are free at once are shared the same way`() throws {
        board.post(long("long", pieces: 200, objective: now), now: now)
        board.post(Samples.posting(ProtectionIdentifier("small"), pieces: 9, objective: now + 1_000), now: now)
        let token = try pull("w1", slots: 8)
        let granted = try #require(grants()[token]).map(\.posting.protection.text)
        #expect(granted.filter { $0 == "small" }.count == 4 && granted.filter { $0 == "long" }.count == 4)
    }

    @Test func `within its grace a long cycle gives way`() throws {
        board.post(long("long", pieces: 200, objective: now + 1_000), now: now)
        board.post(Samples.posting(ProtectionIdentifier("small"), pieces: 3, objective: now + 3_600_000), now: now)
        #expect(try turns(4) == ["small", "small", "small", "long"])
    }

    /// As after a day without a link, or when a guest was filled anew: its objective is missed first, and for long.
    @Test func `an ordinary cycle of very many jobs takes turns with small ones`() throws {
        for (name, objective) in [("large", now), ("second", now + 1)] {
            let id = ProtectionIdentifier(name)
            board.post(
                Samples.posting(id, pieces: 200, objective: objective, bytes: PolicyLimits.jobBytesTarget), now: now)
        }
        board.post(Samples.posting(ProtectionIdentifier("small"), pieces: 2, objective: now + 1_000), now: now)
        board.post(long("first", pieces: 200, objective: now + 600_000), now: now)
        #expect(try turns(6) == ["large", "small", "large", "small", "large", "large"])
        now = now + 600_000
        board.post(Samples.posting(ProtectionIdentifier("next"), objective: now), now: now)
        #expect(try turns(5) == ["first", "next", "first", "large", "first"])
        #expect(try turns(2) == ["large", "first"])
    }

    @Test func `what ordinary cycles cannot have counts for nobody's turn`() throws {
        board.post(long("long", pieces: 200, objective: now), now: now)
        board.post(Samples.posting(ProtectionIdentifier("small"), pieces: 3, objective: now + 1_000), now: now)
        board.post(Samples.posting(ProtectionIdentifier("other"), pieces: 9, host: "h3"), now: now)
        var turns: [String] = []
        for _ in 0..<4 {
            for (worker, host) in [("w1", "h1"), ("w3", "h3")] {
                let token = try pull(worker, reads: [host])
                let grant = try #require(grants()[token]?.first)
                try finish(worker, grant)
                turns.append(grant.posting.protection.text)
            }
        }
        #expect(turns == ["long", "other", "small", "other", "long", "other", "small", "other"])
    }

    @Test func `jobs are spread over the workers by free slots`() throws {
        let small = try pull("w1", slots: 2)
        let large = try pull("w2", slots: 4)
        board.post(Samples.posting(pieces: 4), now: now)
        let grants = grants()
        #expect(grants[small]?.count == 1)
        #expect(grants[large]?.count == 3)
    }

    @Test func `a worker gets only what it can read`() throws {
        let other = try pull("w1", reads: ["beta"])
        let byName = try pull("w2", reads: ["alpha"])
        board.post(Samples.posting(pieces: 2), now: now)
        let grants = grants()
        #expect(grants[other] == nil)
        #expect(grants[byName]?.count == 1)
    }

    @Test func `a silent worker loses its lease, the next attempt has another number`() throws {
        board.post(Samples.posting(), now: now)
        var token = try pull("w1")
        let lost = try #require(grants()[token]?.first)
        now = now + 9_999
        #expect(
            board.report(report("w1", lost), readBytes: 5, sentBytes: 5, now: now) == .goOn(bandwidthBytesPerSecond: 0))
        now = now + 10_000
        token = try pull("w2")
        let again = try #require(grants()[token]?.first)
        #expect(again.job == lost.job)
        #expect(again.attempt == 2)
        #expect(board.report(report("w1", lost), readBytes: 5, sentBytes: 5, now: now) == .abandon)
        #expect(throws: PolicyError.self) { try finish("w1", lost) }
        try finish("w2", again)
        let outcomes = settled()
        guard case .finished(_, 8, let jobs, _, _)? = outcomes.last else { return #expect(Bool(false), "\(outcomes)") }
        #expect(jobs == [StoredJob(job: again.job, attempt: 2, digest: [1])])
    }

    @Test func `a repeated finish is answered as the first, also after the cycle has left the board`() throws {
        board.post(Samples.posting(pieces: 2), now: now)
        let token = try pull("w1", slots: 2)
        let grants = try #require(grants()[token])
        for grant in grants {
            try finish("w1", grant)
            try finish("w1", grant)
        }
        let finished = settled().filter { if case .finished = $0 { true } else { false } }
        #expect(finished.count == 1)
        try finish("w1", grants[0])
        try finish("w1", grants[1])
    }

    @Test func `another worker cannot finish somebody's job`() throws {
        board.post(Samples.posting(), now: now)
        let token = try pull("w1")
        let grant = try #require(grants()[token]?.first)
        #expect(throws: PolicyError.self) { try finish("w2", grant) }
    }

    @Test func `a bandwidth limit is shared by running jobs`() throws {
        board.post(Samples.posting(pieces: 4, limit: 1_000_000), now: now)
        let token = try pull("w1", slots: 4)
        let grants = try #require(grants()[token])
        #expect(grants.map(\.bandwidthBytesPerSecond) == [250_000, 250_000, 250_000, 250_000])
        for grant in grants.dropFirst() { try finish("w1", grant) }
        let directive = board.report(report("w1", grants[0]), readBytes: 1, sentBytes: 1, now: now)
        #expect(directive == .goOn(bandwidthBytesPerSecond: 1_000_000))
    }

    @Test func `a cycle that nobody can serve fails after a minute`() throws {
        board.post(Samples.posting(), now: now)
        _ = settled()
        now = now + (PolicyLimits.unclaimedMilliseconds - 1)
        #expect(settled().isEmpty)
        now = now + 1
        guard case .failed(_, _, let error)? = settled().last else { return #expect(Bool(false)) }
        #expect(error.remedy.contains("bascule-worker"))
    }

    @Test func `progress counts what is read and what is finished`() throws {
        board.post(Samples.posting(pieces: 2), now: now)
        let token = try pull("w1", slots: 2)
        let grants = try #require(grants()[token])
        _ = board.report(report("w1", grants[0]), readBytes: 400, sentBytes: 100, now: now)
        try finish("w1", grants[1])
        var pending: [UInt64] = []
        for case .moved(_, let left, _) in settled() { pending.append(left) }
        #expect(pending == [1_600, 600])
    }

    @Test func `a withdrawn pull gets no job`() throws {
        let token = try pull("w1")
        board.forgetPull(token)
        board.post(Samples.posting(), now: now)
        #expect(settled().isEmpty)
    }

    @Test func `workers are listed, and forgotten when they are silent`() throws {
        _ = try pull("w1", slots: 3)
        #expect(board.workers(at: now).map(\.introduction.id) == ["w1"])
        #expect(board.slots == 3)
        now = now + 20_000
        _ = settled()
        now = now + PolicyLimits.workerForgottenMilliseconds
        _ = settled()
        #expect(board.workers(at: now).isEmpty)
    }
}
