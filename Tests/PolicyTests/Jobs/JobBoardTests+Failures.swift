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
