import Pages
import Testing

@testable import Policy

/// Every cell of “Transfer job (policy)” in Protocol.md.
@Suite struct JobTableTests {
    private enum State: String, CaseIterable {
        case pending, leased, finished
        case gone = "cycle gone"
    }

    private enum Message: String, CaseIterable {
        case pull = "`PullJobs`"
        case report = "`ReportJob` of its lease"
        case reportOther = "`ReportJob` of another"
        case finish = "`FinishJob` of its lease"
        case finishOther = "`FinishJob` of another"
        case fail = "`FailJob` of its lease"
        case failOther = "`FailJob` of another"
        case leaseOver = "lease over"
    }

    /// A board with a cycle of two jobs, the first of which is in the state that is asked for.
    private struct Bench {
        var board = JobBoard(seed: 1)
        var now = Samples.start
        var tokens: UInt64 = 0
        /// The first job's lease; nil: it has none.
        var lease: JobBoard.Report?
        var job = ""

        init(_ state: State, wasFinished: Bool = false, pieces: Int = 2) throws {
            board.post(Samples.posting(pieces: pieces), now: now)
            job = board.cycles[Samples.protection]?.jobs.first?.id ?? ""
            if state == .pending { return }
            let grant = try #require(try pull("w1").first)
            lease = JobBoard.Report(worker: "w1", job: grant.job, attempt: grant.attempt)
            #expect(grant.job == job && grant.attempt == 1)
            if state == .finished || wasFinished { try finish(lease) }
            if state == .gone { board.withdraw(Samples.protection) }
        }

        mutating func pull(_ worker: String) throws -> [JobGrant] {
            tokens += 1
            let token = RequestToken(value: tokens)
            try board.pull(
                token, from: Samples.worker(worker), freeSlots: 1, waitMilliseconds: 0, now: now)
            for case .answerPull(token, let grants) in board.settle(now: now) { return grants }
            return []
        }

        mutating func finish(_ report: JobBoard.Report?) throws {
            try board.finish(try #require(report), digest: [1], sentBytes: 10, changedBytes: 20, now: now)
        }

        /// Whether the cycle failed by now.
        mutating func cycleFailed() -> Bool {
            board.settle(now: now).contains { if case .failed = $0 { true } else { false } }
        }

        var state: String {
            guard let cycle = board.cycles[Samples.protection] else { return "cycle gone" }
            let found = cycle.jobs.first { $0.id == job }
            switch found?.state {
            case .waiting: return "pending"
            case .leased: return "leased"
            case .finished: return "finished"
            case nil: return "gone"
            }
        }
    }

    @Test func everyCellIsWhatHappens() async throws {
        let differences = try await PageTable.differences(
            PageTable.protocolPage, tableAfter: "### Transfer job (policy)", rows: State.self, columns: Message.self,
            cell: cell)
        #expect(differences == [])
    }

    private func cell(_ state: State, _ message: Message) throws -> String {
        switch (state, message) {
        case (.pending, .pull): return try granted()
        case (_, .pull): return try others(state)
        // It has no lease.
        case (.pending, .report), (.pending, .finish), (.pending, .fail), (.pending, .leaseOver): return "–"
        case (_, .report): return try report(state, isOwn: true)
        case (_, .reportOther): return try report(state, isOwn: false)
        case (.gone, .finish):
            return "\(try finish(.gone, isOwn: true, wasFinished: true)) if it was finished, else "
                + "\(try finish(.gone, isOwn: true))"
        case (_, .finish): return try finish(state, isOwn: true)
        case (_, .finishOther): return try finish(state, isOwn: false)
        case (_, .fail): return try fail(state, isOwn: true)
        case (_, .failOther): return try fail(state, isOwn: false)
        case (.leased, .leaseOver): return try leaseOver()
        case (_, .leaseOver):
            var bench = try Bench(state)
            bench.now = bench.now + PolicyLimits.leaseMilliseconds
            let before = bench.state
            _ = bench.board.settle(now: bench.now)
            return bench.state == before ? "–" : bench.state
        }
    }

    /// Of the lease, or of one that was never given.
    private func lease(_ bench: Bench, isOwn: Bool) throws -> JobBoard.Report {
        if isOwn { return try #require(bench.lease) }
        return JobBoard.Report(worker: "w2", job: bench.job, attempt: 7)
    }

    private func told(_ body: () throws -> String) throws -> String {
        do {
            return try body()
        } catch let error as PolicyError where error.code == .leaseLost {
            return "`LEASE_LOST`"
        }
    }

    /// Again after its first lease ended, because the number is the next one then.
    private func granted() throws -> String {
        var bench = try Bench(.leased, pieces: 1)
        bench.now = bench.now + PolicyLimits.leaseMilliseconds
        let grant = try #require(try bench.pull("w2").first)
        #expect(bench.state == "leased" && grant.job == bench.job)
        return grant.attempt == 2 ? "leased, next attempt number" : "attempt \(grant.attempt)"
    }

    private func others(_ state: State) throws -> String {
        var bench = try Bench(state)
        if state == .gone {
            bench.board.post(Samples.posting(ProtectionIdentifier("other")), now: bench.now)
        }
        let first = try bench.pull("w2")
        let second = try bench.pull("w3")
        #expect((first + second).allSatisfy { $0.job != bench.job })
        return first.count == 1 && second.isEmpty ? "another job, or none" : "\(first.count), \(second.count)"
    }

    private func report(_ state: State, isOwn: Bool) throws -> String {
        var bench = try Bench(state)
        let report = try lease(bench, isOwn: isOwn)
        bench.now = bench.now + (PolicyLimits.leaseMilliseconds - 1)
        switch bench.board.report(report, readBytes: 1, sentBytes: 1, now: bench.now) {
        case .abandon: return "`abandon`"
        case .goOn:
            bench.now = bench.now + (PolicyLimits.leaseMilliseconds - 1)
            _ = bench.board.settle(now: bench.now)
            return bench.state == "leased" ? "renewed" : bench.state
        }
    }

    private func finish(_ state: State, isOwn: Bool, wasFinished: Bool = false) throws -> String {
        var bench = try Bench(state, wasFinished: wasFinished, pieces: wasFinished ? 1 : 2)
        let report = try lease(bench, isOwn: isOwn)
        return try told {
            try bench.finish(report)
            return state == .leased ? bench.state : "`done` again"
        }
    }

    private func fail(_ state: State, isOwn: Bool) throws -> String {
        var bench = try Bench(state)
        let report = try lease(bench, isOwn: isOwn)
        return try told {
            try bench.board.fail(report, PolicyError(.unavailable, "link"), now: bench.now)
            var failures = 1
            let once = bench.state
            while !bench.cycleFailed(), failures < 100 {
                let grant = try #require(try bench.pull("w1").first { $0.job == bench.job })
                failures += 1
                try bench.board.fail(
                    .init(worker: "w1", job: grant.job, attempt: grant.attempt), PolicyError(.unavailable, "link"),
                    now: bench.now)
            }
            var final = try Bench(.leased)
            try final.board.fail(
                try lease(final, isOwn: true), PolicyError(.resourceExhausted, "full"), now: final.now)
            let isOver = final.cycleFailed()
            #expect(isOver, "the target's disk does not become larger by trying again")
            return "\(once); \(failures)th time, or not retryable: cycle fails"
        }
    }

    private func leaseOver() throws -> String {
        var bench = try Bench(.leased, pieces: 1)
        bench.now = bench.now + (PolicyLimits.leaseMilliseconds - 1)
        let isOver = bench.cycleFailed()
        #expect(!isOver && bench.state == "leased")
        bench.now = bench.now + 1
        var ends = 1
        var failed = bench.cycleFailed()
        let once = bench.state
        while !failed, ends < 100 {
            _ = try #require(try bench.pull("w1").first)
            bench.now = bench.now + PolicyLimits.leaseMilliseconds
            ends += 1
            failed = bench.cycleFailed()
        }
        return "\(once); \(ends)th time: cycle fails"
    }
}
