import Pages
import Testing

@testable import FailoverOrchestrator

/// Every cell of “Run (failover orchestrator)” in Protocol.md, with the book of runs, and a model of all that it talks to.
@Suite struct RunTableTests {
    private enum State: String, CaseIterable {
        case running = "`RUNNING`"
        case waiting = "`WAITING`, with a time"
        case standing = "`WAITING`, for somebody"
        case back = "being taken back, `RUNNING` or `WAITING`"
        case ended = "`SUCCEEDED`, `FAILED`"
        case unknown
    }

    private enum Message: String, CaseIterable {
        case same = "`StartRun` same identifier"
        case another = "`StartRun` another, same protection"
        case resume = "`ResumeRun`"
        case abandonBefore = "`AbandonRun` before return"
        case abandonAfter = "`AbandonRun` after it"
        case fails = "a call fails, may be repeated"
        case refused = "a call is refused"
        case restart
    }

    @Test func everyCellIsWhatHappens() async throws {
        let differences = try await PageTable.differences(
            PageTable.protocolPage, tableAfter: "### Run (failover orchestrator)", rows: State.self,
            columns: Message.self, cell: cell)
        #expect(differences == [])
    }

    /// So the page has nothing to say of `AbandonRun` before return while a run waits for somebody.
    @Test(arguments: RunStateMachineTests.Case.allCases)
    func `nobody has to be waited for while everything can be taken back`(which: RunStateMachineTests.Case) throws {
        for call in 0..<(try which.undisturbed().calls) {
            var runner = try which.runner(.refused(call))
            runner.isStrict = false
            try runner.walk()
            guard let wait = runner.record.wait, wait.until == nil else { continue }
            guard case .forward(let index) = runner.record.progress else { continue }
            #expect(runner.record.isBeyondReturn(at: index), "\(runner.record.sentence)")
        }
    }

    private func cell(_ state: State, _ message: Message) throws -> String {
        switch message {
        case .same: try same(state)
        case .another: try orAsAbove(state, another)
        case .resume: try resume(state)
        case .abandonBefore: try abandonBefore(state)
        case .abandonAfter: try abandonAfter(state)
        case .fails: try fails(state)
        case .refused: try orAsAbove(state, refused)
        case .restart: try restart(state)
        }
    }

    /// A cell of a run that goes on says what the one of `RUNNING` says, or something of its own.
    private func orAsAbove(_ state: State, _ cell: (State) throws -> String) throws -> String {
        let told = try cell(state)
        switch state {
        case .running, .ended, .unknown: return told
        case .waiting, .standing, .back: return told == (try cell(.running)) ? "the same" : told
        }
    }

    // MARK: Benches

    /// Ways to be in a row; those before the return come first.
    private func benches(_ state: State) throws -> [BookBench] {
        let benches: [BookBench] =
            switch state {
            case .running: [try .running(.check), try .running(.startReplica)]
            case .waiting: [try .waiting(.check, without: "h2"), try .waiting(.startReplica, without: "h2")]
            case .standing: [try .standing(.startReplica)]
            case .back: [try .back(), try .back(without: "h1"), try .back(without: "vault")]
            case .ended: [try .ended(), try .ended(isTakenBack: true)]
            case .unknown: [BookBench()]
            }
        for bench in benches {
            let shown = bench.shown
            switch state {
            case .running: #expect(shown == "`RUNNING`")
            case .waiting: #expect(shown == "`WAITING`" && bench.pause > 0)
            case .standing: #expect(shown == "`WAITING`" && bench.pause == 0)
            case .back: #expect(bench.isGoingBack && ["`RUNNING`", "`WAITING`"].contains(shown))
            case .ended: #expect(["`SUCCEEDED`", "`FAILED`"].contains(shown))
            case .unknown: #expect(shown == "unknown")
            }
        }
        return benches
    }

    /// What every bench of a row comes to; where they differ, all of it.
    private func each(_ state: State, _ body: (inout BookBench) throws -> String) throws -> String {
        var told: [String] = []
        for var bench in try benches(state) {
            let words = try body(&bench)
            if !told.contains(words) { told.append(words) }
        }
        return told.joined(separator: " / ")
    }

    // MARK: StartRun

    private func same(_ state: State) throws -> String {
        try each(state) { bench in
            let (known, call) = (bench.book.records.count, bench.call)
            let record = try bench.start(.planned).get()
            if bench.book.records.count > known { return record.id == BookBench.run ? "begins" : "another" }
            return record.id == BookBench.run && bench.call == call ? "the same run" : "\(record.id)"
        }
    }

    private func another(_ state: State) throws -> String {
        switch state {
        case .running, .waiting, .standing, .back:
            try each(state) { bench in
                let words = bench.refusal { $0.start(.planned, id: BookBench.other) }
                // Also once the vault has noted that the failover holds the protection.
                _ = try bench.start(.cleanup, id: BookBench.other).get()
                return "\(words); a cleanup beside a failover begins"
            }
        case .ended: "begins; a test that was not cleaned up: \(try besideATest())"
        case .unknown: try begins(BookBench(), .planned)
        }
    }

    private func begins(_ bench: BookBench, _ kind: RunKind) throws -> String {
        var bench = bench
        return try bench.start(kind, id: BookBench.other).get().id == BookBench.other ? "begins" : "another"
    }

    private func besideATest() throws -> String {
        var refusals: [RunKind: String] = [:]
        for kind in RunKind.allCases {
            // Where the kind may start when no test is there; it begins, so all that refuses it afterwards is the test.
            let bench = try BookBench.ready(for: kind)
            #expect(try begins(bench, kind) == "begins", "\(kind)")
            var tested = bench
            try tested.addTest()
            let words = tested.refusal { $0.start(kind, id: BookBench.other) }
            if words != "done" { refusals[kind] = words }
        }
        let test = refusals.removeValue(forKey: .test) ?? "begins"
        #expect(Set(refusals.values).count == 1, "\(refusals)")
        let excepted = RunKind.allCases.filter { $0.movesSides && refusals[$0] == nil }
        #expect(excepted == [.unplanned, .changePoint, .cancel] && refusals[.cleanup] == nil)
        return "\(test) for a test, \(refusals.values.first ?? "") for what moves sides, but not for unplanned, change "
            + "point, cancel"
    }

    // MARK: ResumeRun, AbandonRun

    private func resume(_ state: State) throws -> String {
        guard state != .back else {
            var running = try BookBench.back()
            let told = running.resume()
            #expect(told == "`FAILED_PRECONDITION`")
            var waiting = try BookBench.back(without: "h1")
            return "\(try resumed(&waiting)), when it waits"
        }
        return try each(state, resumed)
    }

    private func resumed(_ bench: inout BookBench) throws -> String {
        let words = bench.resume()
        return words == "done" && bench.call != nil ? "tries at once" : words
    }

    private func abandonBefore(_ state: State) throws -> String {
        switch state {
        case .running:
            var bench = try BookBench.running(.check)
            let told = bench.abandon()
            #expect(told == "done" && !bench.isGoingBack)
            try bench.answer()
            return bench.isGoingBack ? "taken back when the call under way is answered" : "it goes on"
        case .waiting:
            var bench = try BookBench.waiting(.check, without: "h2")
            let told = bench.abandon()
            #expect(told == "done")
            return "taken back, \(try bench.end())"
        // The other test here shows that there is no such run; and what is taken back already is in the next column.
        case .standing, .back: return "–"
        case .ended, .unknown: return try each(state) { $0.abandon() }
        }
    }

    private func abandonAfter(_ state: State) throws -> String {
        switch state {
        case .running:
            var asking = try BookBench.running(.startReplica)
            let told = asking.abandon()
            #expect(told == "done")
            try asking.answer()
            #expect(!asking.isGoingBack)
            let warning = asking.record?.warnings.first { $0.contains("abandoned") } == nil ? "without" : "with a"
            var polling = try BookBench.running(.commitReplica)
            try polling.answer(.success(.progress(.init(isFinished: false, doneBytes: 1, totalBytes: 2))))
            #expect(polling.call == nil && polling.record?.wait == nil)
            let words = polling.abandon()
            return "\(words), or ignored \(warning) warning when a call is under way"
        case .waiting:
            return try abandoned(
                host: .waiting(.startReplica, without: "h2"), vault: .waiting(.pend, without: "vault", of: .unplanned))
        case .standing:
            let told = try abandoned(host: .standing(.startReplica), vault: .standing(.pend, of: .unplanned))
            return try abandonAfter(.waiting) == told ? "the same" : told
        case .back:
            var host = try BookBench.back(without: "h1")
            let before = host.record?.warnings.count ?? 0
            let told = host.abandon()
            let warning = (host.record?.warnings.count ?? 0) > before ? "with a" : "without"
            let ended = try host.end()
            #expect(told == "done" && ended == "`FAILED`, and not as before", "the source's guest is left to people")
            var vault = try BookBench.back(without: "vault")
            let word = vault.abandon() == "`FAILED_PRECONDITION`" ? "never" : "also"
            return "passes over the host that is waited for, \(warning) warning; \(word) the vault"
        case .ended, .unknown: return try abandonBefore(state)
        }
    }

    private func abandoned(host: BookBench, vault: BookBench) throws -> String {
        var (host, vault) = (host, vault)
        let told = host.abandon()
        #expect(told == "done")
        let words = vault.abandon()
        return "as far as it can be, \(try host.end()); where only the vault is left to be told: \(words)"
    }

    // MARK: Calls

    private func fails(_ state: State) throws -> String {
        switch state {
        case .running, .ended, .unknown, .standing: return try each(state) { try $0.fail() }
        case .waiting:
            var before = try BookBench.waiting(.check, without: "h2")
            let pause = before.pause
            let again = try before.fail()
            #expect(again == "`WAITING`" && before.pause > pause)
            let patience = try before.failUntilBack(for: 3_600_000)
            var after = try BookBench.waiting(.startReplica, without: "h2")
            let never = try after.failUntilBack(for: 3_600_000)
            #expect(never == nil && after.pause > 0, "it waits, and is not taken back")
            let seconds = try #require(patience) / 1_000
            return "`WAITING`, longer; before return for \(seconds) s at most, then taken back"
        case .back:
            return try each(state) { bench in
                if bench.call != nil { _ = try bench.fail() }
                let pause = bench.pause
                let again = try bench.fail()
                #expect(again == "`WAITING`" && bench.pause > pause)
                let since = bench.now
                while bench.now - since < 7_200_000, try bench.fail() == "`WAITING`" {}
                return bench.isGoingBack && bench.pause > 0 ? "`WAITING`, without end" : "it ends"
            }
        }
    }

    private func refused(_ state: State) throws -> String {
        switch state {
        case .running, .waiting:
            var benches = try benches(state)
            let before = try benches[0].refuse()
            #expect(benches[0].isGoingBack && before == "`RUNNING`")
            let ended = try benches[0].end()
            return "before return: taken back, \(ended); after it: \(try benches[1].refuse())"
        case .back:
            return try each(state) { bench in
                let told = try bench.refuse()
                return bench.pause == 0 && bench.isGoingBack ? "\(told) for somebody" : told
            }
        case .standing, .ended, .unknown: return try each(state) { try $0.refuse() }
        }
    }

    private func restart(_ state: State) throws -> String {
        try each(state) { bench in
            let record = bench.record
            let wasWaiting = record?.wait != nil
            try bench.restart()
            guard bench.call != nil else {
                #expect(bench.record == record, "nothing is changed by it")
                return wasWaiting ? "goes on waiting" : "–"
            }
            return wasWaiting && !bench.isGoingBack ? "tries at once" : "goes on"
        }
    }
}
