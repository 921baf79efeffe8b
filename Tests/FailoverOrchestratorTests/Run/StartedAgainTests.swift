import Testing

@testable import FailoverOrchestrator

/// Somebody starts the source's guest by hand, after the run shut it down: what it writes is in no point, and two guests
/// must not run.
@Suite struct StartedAgainTests {
    /// The numbers of the calls of an undisturbed planned run, by name.
    private func calls() throws -> [String] {
        var runner = try ModelRunner(Samples.request(.planned), in: ModelWorld())
        try runner.walk()
        #expect(runner.record.progress == .succeeded)
        return runner.asked
    }

    private func number(of name: String, after earlier: String) throws -> Int {
        let calls = try calls()
        let first = try #require(calls.firstIndex(of: earlier), "\(calls)")
        return try #require(calls[first...].firstIndex(of: name), "\(calls)")
    }

    private func runner(startedByHand number: Int) throws -> ModelRunner {
        var runner = try ModelRunner(
            Samples.request(.planned), in: ModelWorld(), trouble: .startedByHand(number))
        try runner.walk()
        return runner
    }

    @Test func `seen before the side changes, the run is taken back and that guest runs on`() throws {
        let look = try number(of: "DescribeSide", after: "GetHistory")
        let runner = try runner(startedByHand: look)
        guard case .failed(let cause) = runner.record.progress else {
            Issue.record("it ended as \(runner.record.progress)")
            return
        }
        #expect(cause.facts["rule"] == "started-again")
        #expect(cause.message.contains("runs at") && cause.message.contains("again"))
        #expect(runner.world.isAsBefore)
        #expect(!runner.asked.contains("StartReplica"))
    }

    @Test func `seen after it, the replica is not started, and the run stands still until it is off`() throws {
        let fence = try number(of: "SetSide", after: "GetHistory")
        var runner = try runner(startedByHand: fence + 1)
        #expect(!runner.record.isEnded)
        let wait = try #require(runner.record.wait)
        #expect(wait.sentence.contains("again") && wait.until == nil)
        #expect(!runner.asked.contains("StartReplica"))
        // Given up, that guest keeps its right to run.
        try runner.send(.abandonAsked)
        try runner.walk()
        #expect(runner.record.isEnded && runner.world.isAsBefore)
    }

    /// It is off as before, but its disks hold what was not fetched.
    @Test func `started and shut down again before the side changes, the run is taken back`() throws {
        let look = try number(of: "DescribeSide", after: "GetHistory")
        var runner = try ModelRunner(Samples.request(.planned), in: ModelWorld(), trouble: .ranByHand(look))
        try runner.walk()
        guard case .failed(let cause) = runner.record.progress else {
            Issue.record("it ended as \(runner.record.progress)")
            return
        }
        #expect(cause.facts["rule"] == "started-again" && cause.message.contains("It ran again."))
        #expect(!runner.asked.contains("StartReplica") && runner.world.hosts["h1"]?.guestRuns == true)
    }

    /// That it is off again does not bring back what it wrote, so nobody is told to shut it down.
    @Test func `started and shut down again after it, the run stands still until it is abandoned`() throws {
        let fence = try number(of: "SetSide", after: "GetHistory")
        var runner = try ModelRunner(Samples.request(.planned), in: ModelWorld(), trouble: .ranByHand(fence + 1))
        try runner.walk()
        try runner.send(.resumeAsked)
        try runner.walk()
        #expect(!runner.record.isEnded && !runner.asked.contains("StartReplica"))
        let wait = try #require(runner.record.wait)
        #expect(wait.sentence.contains("It ran again.") && wait.until == nil)
        #expect(wait.remedy.contains("abandon") && !wait.remedy.contains("shut down"), "\(wait.remedy)")
        try runner.send(.abandonAsked)
        try runner.walk()
        #expect(runner.record.isEnded && runner.world.hosts["h1"]?.guestRuns == true)
        #expect(!runner.asked.contains("StartReplica"))
    }

    private static func expectToldWhatToDo(_ runner: ModelRunner) throws {
        #expect(!runner.record.isEnded && !runner.asked.contains("StartReplica"))
        let wait = try #require(runner.record.wait)
        #expect(wait.sentence.contains("migrated") || wait.sentence.contains("no guest"))
        #expect(!wait.remedy.isEmpty && wait.until == nil)
    }

    @Test(arguments: [false, true])
    func `started and migrated away before the side changes, it is not started a second time`(
        withDefinition: Bool
    ) throws {
        let look = try number(of: "DescribeSide", after: "GetHistory")
        var runner = try ModelRunner(
            Samples.request(.planned), in: ModelWorld(),
            trouble: .migratedByHand(look, withDefinition: withDefinition))
        try runner.walk()
        // It is taken back, which cannot be done before that guest is.
        try Self.expectToldWhatToDo(runner)
        runner.migrateBack(to: "h1")
        try runner.send(.resumeAsked)
        try runner.walk()
        guard case .failed(let cause) = runner.record.progress else {
            Issue.record("it ended as \(runner.record.progress)")
            return
        }
        #expect(cause.facts["rule"] == (withDefinition ? "guest-gone" : "started-again") && !cause.remedy.isEmpty)
        #expect(cause.message.contains("alpha") && cause.message.contains("migrated"))
        #expect(runner.world.isAsBefore)
    }

    @Test(arguments: [false, true])
    func `started and migrated away after it, it is not started a second time either`(withDefinition: Bool) throws {
        let fence = try number(of: "SetSide", after: "GetHistory")
        var runner = try ModelRunner(
            Samples.request(.planned), in: ModelWorld(),
            trouble: .migratedByHand(fence + 1, withDefinition: withDefinition))
        try runner.walk()
        try Self.expectToldWhatToDo(runner)
        try runner.send(.abandonAsked)
        try runner.walk()
        try Self.expectToldWhatToDo(runner)
        runner.migrateBack(to: "h1")
        try runner.send(.resumeAsked)
        try runner.walk()
        #expect(runner.record.isEnded && runner.world.isAsBefore)
    }

    @Test func `a source that is silent does not keep the guest down`() throws {
        let look = try number(of: "DescribeSide", after: "GetHistory")
        var runner = try ModelRunner(
            Samples.request(.planned), in: ModelWorld(), trouble: .silent("h1", from: look))
        try runner.walk()
        #expect(runner.asked.contains("StartReplica"))
        runner.heal()
        try runner.send(.resumeAsked)
        try runner.walk()
        #expect(runner.record.progress == .succeeded)
    }

    /// What the warning says of a source that fell silent is what the run knows, wherever the silence began.
    @Test func `a source that was told and then fell silent is not called one that was not told`() throws {
        let fence = try number(of: "SetSide", after: "GetHistory")
        for (silence, knows) in [(fence, false), (fence + 1, true)] {
            var runner = try ModelRunner(
                Samples.request(.planned), in: ModelWorld(), trouble: .silent("h1", from: silence))
            try runner.walk()
            let warnings = runner.record.warnings.filter { $0.contains("may not run") }
            #expect(warnings.count == 1, "\(runner.record.warnings)")
            let warning = try #require(warnings.first)
            #expect(!warning.contains("was not told"))
            #expect(warning.contains("took note") == knows)
            #expect(warning.contains("duties") != knows)
            #expect((runner.world.hosts["h1"]?.isActive == false) == knows, "and so it is")
        }
    }

    /// The request arrived, and its answer did not: the source may know, and the run does not say that it does not.
    @Test func `a source whose answer was lost is not called one that was not told`() throws {
        let fence = try number(of: "SetSide", after: "GetHistory")
        var runner = try ModelRunner(
            Samples.request(.planned), in: ModelWorld(), trouble: .silentAfter("h1", answering: fence))
        try runner.walk()
        #expect(runner.world.hosts["h1"]?.isActive == false)
        let warning = try #require(runner.record.warnings.first { $0.contains("may not run") })
        #expect(warning.contains("did not confirm") && warning.contains("unless it heard"))
    }
}
