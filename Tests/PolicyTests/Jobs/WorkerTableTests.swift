import Pages
import Testing

@testable import Policy

/// Every cell of the table of workers' states in Protocol.md, “Workers”.
@Suite struct WorkerTableTests {
    private enum State: String, CaseIterable {
        case unknown
        case working = "`WORKING`"
        case draining = "`DRAINING`"
        case drained = "`DRAINED`"
        case absent = "`DRAINED`, not there"
    }

    private enum Message: String, CaseIterable {
        case pull = "`PullJobs`"
        case outcome = "`ReportJob`, `FinishJob`, `FailJob`"
        case drain = "`DrainWorker`"
        case resume = "`ResumeWorker`"
        case leave = "`LeaveBoard`"
    }

    /// A board with one worker, and more jobs than it has.
    private struct Bench {
        var board = JobBoard(seed: 1)
        var now = Samples.start
        var tokens: UInt64 = 0
        var leases: [JobBoard.Report] = []

        init(_ state: State, running: Int = 1) throws {
            board.post(Samples.posting(pieces: 4), now: now)
            switch state {
            case .unknown: break
            case .working: try take(running)
            case .draining:
                try take(1)
                _ = try board.drain("w", now: now)
            case .drained:
                _ = try pull(slots: 0)
                _ = try board.drain("w", now: now)
            case .absent: board = JobBoard(seed: 1, drained: DrainedWorkers(stored: ["w": now], now: now))
            }
            #expect(self.state == state)
        }

        private mutating func take(_ count: Int) throws {
            leases = try pull(slots: count)?.map { .init(worker: "w", job: $0.job, attempt: $0.attempt) } ?? []
            #expect(leases.count == count)
        }

        /// - Returns: the jobs; nil: it waits.
        mutating func pull(slots: Int) throws -> [JobGrant]? {
            tokens += 1
            let token = RequestToken(value: tokens)
            try board.pull(token, from: Samples.worker("w"), freeSlots: slots, waitMilliseconds: 20_000, now: now)
            return answer(to: token)
        }

        mutating func answer(to token: RequestToken) -> [JobGrant]? {
            for case .answerPull(token, let grants) in board.settle(now: now) { return grants }
            return nil
        }

        var state: State? {
            guard let worker = board.workers(named: "w", at: now).first else { return .unknown }
            switch worker.state {
            case .working: return .working
            case .draining: return .draining
            case .drained: return worker.lastSeenAgeMilliseconds == nil ? .absent : .drained
            }
        }
    }

    @Test func everyCellIsWhatHappens() async throws {
        let differences = try await PageTable.differences(
            PageTable.protocolPage, tableAfter: "## Workers", rows: State.self, columns: Message.self, cell: cell)
        #expect(differences == [])
    }

    private func cell(_ state: State, _ message: Message) throws -> String {
        switch message {
        case .pull: try pull(state)
        case .outcome: try outcome(state)
        case .drain:
            state == .working
                ? "\(try drain(state)); without jobs \(try drain(state, running: 0))" : try drain(state)
        case .resume: try resume(state)
        case .leave: try leave(state)
        }
    }

    private func pull(_ state: State) throws -> String {
        var bench = try Bench(state)
        let grants = try bench.pull(slots: 1)
        switch state {
        case .unknown: return bench.state?.rawValue ?? ""
        case .absent: return "\(bench.state?.rawValue ?? ""), there"
        case .working, .draining, .drained:
            #expect(bench.state == state)
            if let grants { return grants.isEmpty ? "gets none" : "gets jobs" }
            // It waits until its time is over, and still gets nothing.
            bench.now = bench.now + 20_000
            return bench.answer(to: RequestToken(value: bench.tokens)) == [] ? "waits, gets none" : "waits"
        }
    }

    private func outcome(_ state: State) throws -> String {
        var bench = try Bench(state)
        guard let lease = bench.leases.first else {
            let unknown = JobBoard.Report(worker: "w", job: "none", attempt: 1)
            #expect(bench.board.report(unknown, readBytes: 1, sentBytes: 1, now: bench.now) == .abandon)
            let refusals = [
                #expect(throws: PolicyError.self) {
                    try bench.board.finish(unknown, digest: [], sentBytes: 0, changedBytes: 0, now: bench.now)
                },
                #expect(throws: PolicyError.self) {
                    try bench.board.fail(unknown, PolicyError(.unavailable, "link"), now: bench.now)
                },
            ]
            return refusals.allSatisfy { $0?.code == .leaseLost } ? "lease lost" : "\(refusals)"
        }
        #expect(bench.board.report(lease, readBytes: 1, sentBytes: 1, now: bench.now) != .abandon)
        var failing = bench
        try failing.board.fail(lease, PolicyError(.unavailable, "link"), now: bench.now)
        try bench.board.finish(lease, digest: [1], sentBytes: 1, changedBytes: 1, now: bench.now)
        #expect(failing.state == bench.state)
        return bench.state == state
            ? "as usual" : "as usual; after the last job \(bench.state?.rawValue ?? "")"
    }

    private func drain(_ state: State, running: Int = 1) throws -> String {
        var bench = try Bench(state, running: running)
        if running == 0 { _ = try bench.pull(slots: 0) }
        return told(&bench, state) { try $0.board.drain("w", now: $0.now) }
    }

    private func resume(_ state: State) throws -> String {
        var bench = try Bench(state)
        let isWaiting = state == .drained
        if isWaiting { #expect(try bench.pull(slots: 1) == nil) }
        let told = told(&bench, state) { try $0.board.resume("w") }
        guard isWaiting, bench.answer(to: RequestToken(value: bench.tokens))?.isEmpty == false else { return told }
        return "\(told), its waiting pull is served"
    }

    private func told(
        _ bench: inout Bench, _ state: State, _ body: (inout Bench) throws -> Bool
    ) -> String {
        do {
            let isChange = try body(&bench)
            #expect(isChange == (bench.state != state))
            guard isChange else { return "stays" }
            return bench.state == .unknown ? "unknown" : bench.state?.rawValue ?? ""
        } catch {
            return (error as? PolicyError)?.code == .notFound ? "`NOT_FOUND`" : "\(error)"
        }
    }

    private func leave(_ state: State) throws -> String {
        var bench = try Bench(state)
        guard state != .unknown, state != .absent else {
            bench.board.leave("w")
            return bench.state == state ? "`done`" : "\(String(describing: bench.state))"
        }
        // Its pull waits, or is about to be answered: it gets nothing more.
        _ = try bench.pull(slots: 0)
        bench.board.leave("w")
        #expect(bench.answer(to: RequestToken(value: bench.tokens)) == [])
        for lease in bench.leases {
            #expect(bench.board.workers["w"] != nil, "what it runs it may still finish")
            try bench.board.finish(lease, digest: [1], sentBytes: 1, changedBytes: 1, now: bench.now)
        }
        _ = bench.board.settle(now: bench.now)
        return bench.board.workers["w"] == nil ? "pull answered; forgotten after its jobs" : "stays"
    }
}
