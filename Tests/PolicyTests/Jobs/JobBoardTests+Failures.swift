import Messages
import SwiftProtobuf
import Testing

@testable import Policy

/// Jobs that fail, stand still, or find their target full.
extension JobBoardTests {
    @Test func `a job that goes on failing fails its cycle`() throws {
        board.post(Samples.posting(), now: now)
        for round in 1...PolicyLimits.jobFailuresMaximum {
            let token = try pull("w1")
            let grant = try #require(grants()[token]?.first)
            #expect(grant.attempt == UInt32(round))
            try board.fail(report("w1", grant), PolicyError(.unavailable, "link"), now: now)
        }
        guard case .failed(_, 8, let error)? = settled().last else { return #expect(Bool(false)) }
        #expect(error.message == "link")
        #expect(board.openCycles == 0)
    }

    @Test func `a job that one worker cannot do waits for another, though that one is busy`() throws {
        board.post(Samples.posting(pieces: 2), now: now)
        let well = try pull("w1")
        let first = try #require(grants()[well]?.first)
        let broken = try pull("w2")
        let second = try #require(grants()[broken]?.first)
        try board.fail(report("w2", second), PolicyError(.unavailable, "no socket"), now: now)
        let again = try pull("w2")
        #expect(grants()[again] == nil, "it would fail there again")
        try finish("w1", first)
        let free = try pull("w1")
        let grant = try #require(grants()[free]?.first)
        #expect(grant.job == second.job)
        try finish("w1", grant)
        guard case .finished? = settled().last else { return #expect(Bool(false)) }
    }

    /// The other worker may be busy for minutes with what its link lets through.
    @Test func `what one worker failed does not keep the rest of its cycle from that one`() throws {
        board.post(Samples.posting(pieces: 4), now: now)
        let busy = try pull("w1")
        let first = try #require(grants()[busy]?.first)
        var token = try pull("w2")
        let failed = try #require(grants()[token]?.first)
        try board.fail(report("w2", failed), PolicyError(.unavailable, "connection lost"), now: now)
        for _ in 0..<2 {
            token = try pull("w2")
            let grant = try #require(grants()[token]?.first)
            #expect(grant.job != failed.job && grant.job != first.job)
            try finish("w2", grant)
        }
        token = try pull("w2")
        #expect(grants()[token] == nil, "what is left it failed")
        try finish("w1", first)
        token = try pull("w1")
        let again = try #require(grants()[token]?.first)
        #expect(again.job == failed.job)
        try finish("w1", again)
        guard case .finished? = settled().last else { return #expect(Bool(false)) }
    }

    /// A job that w1 failed, after which w1 asks again; w2 was heard of just now, and runs nothing.
    private func failBesideAnother() throws -> RequestToken {
        board.post(Samples.posting(), now: now)
        let other = try pull("w2")
        try finish("w2", try #require(grants()[other]?.first))
        board.post(Samples.posting(), now: now)
        let token = try pull("w1")
        try board.fail(
            report("w1", try #require(grants()[token]?.first)), PolicyError(.unavailable, "no socket"), now: now)
        return try pull("w1")
    }

    @Test func `a job waits for another worker no longer than a lease after that one's last word`() throws {
        let again = try failBesideAnother()
        #expect(grants()[again] == nil, "w2 did not fail it")
        #expect(board.wakesAt == now + PolicyLimits.leaseMilliseconds)
        now = now + (PolicyLimits.leaseMilliseconds - 1)
        #expect(grants()[again] == nil)
        now = now + 1
        #expect(grants()[again]?.count == 1, "w2 is gone, as its leases would be")
    }

    @Test func `a worker whose pull waited long and got a job is waited for until its lease is over`() throws {
        let other = try pull("w2")
        _ = settled()
        now = now + PolicyLimits.leaseMilliseconds
        board.post(Samples.posting(pieces: 2), now: now)
        let token = try pull("w1")
        let granted = grants()
        #expect(granted[other]?.count == 1)
        try board.fail(
            report("w1", try #require(granted[token]?.first)), PolicyError(.unavailable, "no socket"), now: now)
        let again = try pull("w1", slots: 2)
        now = now + (PolicyLimits.leaseMilliseconds - 1)
        #expect(grants()[again] == nil)
        now = now + 1
        #expect(grants()[again]?.count == 2)
    }

    @Test func `a worker that is silent because its pull waits is there, and so it is when that was answered`() throws {
        // It is full, and waits as long as a pull may.
        let full = try pull("w2", slots: 0)
        let answered = now + PolicyLimits.pullWaitMillisecondsMaximum
        board.post(Samples.posting(), now: now)
        let token = try pull("w1")
        try board.fail(
            report("w1", try #require(grants()[token]?.first)), PolicyError(.unavailable, "no socket"), now: now)
        while now < answered {
            let again = try pull("w1")
            #expect(grants()[again] == nil, "w2 waits")
            now = now + 1_000
        }
        let again = try pull("w1")
        let granted = grants()
        #expect(granted[full] == [] && granted[again] == nil)
        #expect(board.wakesAt == now + PolicyLimits.leaseMilliseconds)
        now = now + 1_000
        let next = try pull("w2")
        #expect(grants()[next]?.count == 1, "it asked again")
    }

    @Test func `a job that every worker failed goes to them again, and its cycle's error names them`() throws {
        board.post(Samples.posting(), now: now)
        var names: [String] = []
        for _ in 1...PolicyLimits.jobFailuresMaximum {
            let tokens = try ["w1", "w2"].map { (name: $0, token: try pull($0)) }
            let granted = grants()
            let (name, token) = try #require(tokens.first { granted[$0.token]?.isEmpty == false })
            let grant = try #require(granted[token]?.first)
            try board.fail(report(name, grant), PolicyError(.unavailable, "link", facts: ["disk": "vda"]), now: now)
            names.append(name)
        }
        #expect(names.prefix(3) == ["w1", "w2", "w1"])
        guard case .failed(_, _, let error)? = settled().last else { return #expect(Bool(false)) }
        #expect(error.facts == ["disk": "vda", "workers": "w1, w2"])
    }

    /// The way to the target is cut from now on: whatever is tried fails after ten seconds. Ends when the cycle does, or after
    /// this time.
    private func cut(forMilliseconds time: Int64, code: PolicyError.Code = .unavailable) throws {
        let end = now + time
        while now < end, board.openCycles > 0 {
            let token = try pull("w1")
            guard let grant = grants()[token]?.first else {
                now = now + 1_000
                continue
            }
            now = now + 9_000
            try board.fail(report("w1", grant), PolicyError(code, "connection lost"), now: now)
            _ = settled()
        }
    }

    private func next() throws -> JobGrant? {
        let token = try pull("w1")
        return grants()[token]?.first
    }

    private func firstCopy() -> JobPosting {
        var posting = Samples.posting(pieces: 3)
        posting.kind = .full
        return posting
    }

    @Test func `a first copy of which a part is done waits minutes for a link that was cut`() throws {
        board.post(firstCopy(), now: now)
        try finish("w1", try #require(try next()))
        now = now + 1_000
        try cut(forMilliseconds: PolicyLimits.outageMilliseconds - 20_000)
        #expect(board.openCycles == 1)
        var finished = 0
        for _ in 0..<20 {
            if let grant = try next() {
                try finish("w1", grant)
            } else if board.openCycles > 0 {
                #expect(try #require(board.wakesAt) <= now + PolicyLimits.outageRetryMilliseconds)
            }
            for case .finished in settled() { finished += 1 }
            now = now + 1_000
        }
        #expect(finished == 1)
    }

    @Test func `a link that stays cut fails it after five minutes`() throws {
        board.post(firstCopy(), now: now)
        try finish("w1", try #require(try next()))
        let begun = now
        try cut(forMilliseconds: 3_600_000)
        #expect(board.openCycles == 0)
        let outage = PolicyLimits.outageMilliseconds
        #expect(now - begun >= outage && now - begun < outage + 60_000)
    }

    @Test func `what has nothing to lose, or is at fault itself, fails its cycle as soon as ever`() throws {
        let begun = now
        board.post(firstCopy(), now: now)
        try cut(forMilliseconds: 3_600_000)
        #expect(board.openCycles == 0 && now - begun < 60_000, "nothing was brought")
        board.post(firstCopy(), now: now)
        try finish("w1", try #require(try next()))
        now = now + 1
        let failing = try #require(try next())
        try board.fail(report("w1", failing), PolicyError(.unavailable, "cannot be read"), now: now)
        let again = try #require(try next())
        #expect(again.job == failing.job)
        now = now + 1
        let other = try pull("w2")
        try finish("w2", try #require(grants()[other]?.first))
        try board.fail(report("w1", again), PolicyError(.unavailable, "cannot be read"), now: now)
        board.leave("w2")
        _ = settled()
        let second = now
        try cut(forMilliseconds: 3_600_000)
        #expect(board.openCycles == 0 && now - second < 60_000, "others got through meanwhile")
        board.post(firstCopy(), now: now)
        try finish("w1", try #require(try next()))
        let third = now
        try cut(forMilliseconds: 3_600_000, code: .corruptData)
        #expect(board.openCycles == 0 && now - third < 60_000, "no link gives this")
        board.post(Samples.posting(pieces: 3), now: now)
        try finish("w1", try #require(try next()))
        let fourth = now
        try cut(forMilliseconds: 3_600_000)
        #expect(board.openCycles == 0 && now - fourth < 60_000, "a small one is done anew as quickly")
    }

    @Test func `a job that reports but does not move is given to another`() throws {
        board.post(Samples.posting(), now: now)
        let token = try pull("w1")
        let grant = try #require(grants()[token]?.first)
        let end = now + PolicyLimits.stalledMilliseconds
        while now < end {
            #expect(board.report(report("w1", grant), readBytes: 0, sentBytes: 0, now: now) != .abandon)
            now = now + 5_000
        }
        #expect(board.report(report("w1", grant), readBytes: 0, sentBytes: 0, now: now) == .abandon)
        let again = try pull("w2")
        #expect(grants()[again]?.first?.attempt == 2)
    }

    /// As over an empty part of a disk that is compared.
    @Test func `a job that only gets on in its range moves, as far as its range goes`() throws {
        board.post(Samples.posting(), now: now)
        let token = try pull("w1")
        let grant = try #require(grants()[token]?.first)
        var done: UInt64 = 0
        func directive() throws -> JobBoard.Directive {
            let wire = Messages.PolicyRequest.with {
                $0.reportJob.workerID = "w1"
                $0.reportJob.job = grant.job
                $0.reportJob.attempt = grant.attempt
                $0.reportJob.doneBytes = done
            }
            guard case .report(let report, let read, let sent, let told) = try ServiceRequest(wire: wire) else {
                throw PolicyError(.internal, "another request")
            }
            return board.report(report, readBytes: read, sentBytes: sent, doneBytes: told, now: now)
        }
        for _ in 0..<26 {
            now = now + 5_000
            done += 1
            #expect(try directive() != .abandon, "after \(done) reports")
        }
        // What is beyond the range is nonsense, and keeps no lease.
        done = grant.piece.length
        _ = try directive()
        for _ in 0..<23 {
            now = now + 5_000
            done += 1
            #expect(try directive() != .abandon)
        }
        now = now + 5_000
        done = .max
        #expect(try directive() == .abandon)
    }

    @Test func `a full target fails the cycle at once`() throws {
        board.post(Samples.posting(pieces: 2), now: now)
        let token = try pull("w1", slots: 2)
        let grants = try #require(grants()[token])
        try board.fail(report("w1", grants[0]), PolicyError(.resourceExhausted, "disk full"), now: now)
        guard case .failed? = settled().last else { return #expect(Bool(false)) }
        #expect(board.report(report("w1", grants[1]), readBytes: 1, sentBytes: 1, now: now) == .abandon)
    }

    /// A worker of another make may pass on what the target's bulk server says of itself.
    @Test func `a target that says that trying again may help does not fail the cycle at once`() throws {
        board.post(Samples.posting(), now: now)
        for round in 1...PolicyLimits.jobFailuresMaximum {
            #expect(board.openCycles == 1, "before attempt \(round)")
            let token = try pull("w1")
            let grant = try #require(grants()[token]?.first)
            let wire = Messages.PolicyRequest.with {
                $0.failJob.workerID = "w1"
                $0.failJob.job = grant.job
                $0.failJob.attempt = grant.attempt
                $0.failJob.error = RemoteError(.resourceExhausted, "Too many transfers are under way.").wire
            }
            guard case .fail(let report, let error, let isRetryable, false) = try ServiceRequest(wire: wire) else {
                return #expect(Bool(false))
            }
            try board.fail(report, error, isRetryable: isRetryable, now: now)
        }
        #expect(board.openCycles == 0)
    }
}
