import Testing

@testable import FailoverOrchestrator

/// The request to start the replica arrived, perhaps, and its answer did not: what that guest has written since is not a
/// run's to drop.
@Suite struct AbandonedStartTests {
    static let kinds: [RunKind] = [.planned, .unplanned]

    /// The number of the call that starts the guest at the target.
    private func start(of kind: RunKind) throws -> Int {
        var runner = try ModelRunner(Samples.request(kind), in: ModelWorld())
        try runner.walk()
        return try #require(runner.asked.firstIndex(of: "StartReplica"), "\(runner.asked)")
    }

    private func waiting(_ kind: RunKind, _ trouble: (Int) -> ModelRunner.Trouble) throws -> ModelRunner {
        var runner = try ModelRunner(Samples.request(kind), in: ModelWorld(), trouble: trouble(try start(of: kind)))
        // An unplanned failover's source may run on, and so may a target that nobody hears.
        runner.isStrict = false
        try runner.walk(limit: 3_600_000)
        try #require(runner.record.wait != nil && runner.record.currentStep == .startReplica)
        return runner
    }

    @Test(arguments: kinds)
    func `a guest that runs after all stays, and the choice is left open`(kind: RunKind) throws {
        var runner = try waiting(kind) { .silentAfter("h2", answering: $0) }
        try runner.send(.abandonAsked)
        try runner.walk(limit: 60_000)
        #expect(!runner.record.isEnded, "whether it runs nobody can tell yet")
        let written = try #require(runner.world.hosts["h2"]?.disk)
        runner.heal()
        try runner.walk()
        #expect(!runner.asked.contains("StopReplica"), "\(runner.asked.suffix(12))")
        #expect(runner.asked.last == "AdvanceFailover pend")
        #expect(runner.world.hosts["h2"]?.guestRuns == true && runner.world.hosts["h2"]?.disk ?? 0 >= written)
        #expect(runner.world.entry.state == .commitPending && runner.world.entry.activeSide == .target)
        guard case .failed(let cause) = runner.record.progress else {
            Issue.record("it ended as \(runner.record.progress)")
            return
        }
        #expect(cause.message.contains("runs at beta"))
    }

    @Test(arguments: kinds)
    func `a start that never arrived is taken back`(kind: RunKind) throws {
        var runner = try waiting(kind) { .silent("h2", from: $0) }
        try runner.send(.abandonAsked)
        try runner.walk(limit: 60_000)
        #expect(!runner.record.isEnded && !runner.asked.contains("StopReplica"))
        runner.heal()
        try runner.walk()
        #expect(runner.asked.contains("StopReplica") && runner.world.hosts["h2"]?.runsFrom == nil)
        #expect(runner.world.entry.state == .protected && runner.world.hosts["h1"]?.isActive == true)
        // An unplanned failover's source was fenced, and its own agent starts again what that ended.
        #expect(runner.world.isAsBefore || kind == .unplanned)
    }

    /// Abandoned again, the run goes on without the target: the source runs, and the guest of the other side is fenced by
    /// its duties. It is never told to drop what it wrote.
    @Test(arguments: kinds)
    func `a target that stays silent is passed over, and never told to stop its guest`(kind: RunKind) throws {
        var runner = try waiting(kind) { .silentAfter("h2", answering: $0) }
        try runner.send(.abandonAsked)
        try runner.walk(limit: 60_000)
        let wait = try #require(runner.record.wait)
        #expect(wait.remedy.contains("bascule run abandon 22222222"), "\(wait)")
        for _ in 0..<3 where !runner.record.isEnded {
            try runner.send(.abandonAsked)
            try runner.walk(limit: 60_000)
        }
        #expect(runner.record.isEnded && !runner.asked.contains("StopReplica"))
        #expect(runner.world.entry.state == .protected && runner.world.entry.run.isEmpty)
        #expect(runner.world.hosts["h1"]?.isActive == true)
        #expect(runner.world.hosts["h1"]?.guestRuns == true || kind == .unplanned)
        #expect(runner.world.hosts["h2"]?.runsFrom != nil, "and what it wrote is still there")
        #expect(runner.record.warnings.contains { $0.contains("may run at beta") }, "\(runner.record.warnings)")
    }

    /// Its agent was killed between the guest's first instruction and the note of it: the guest runs, and only a start that
    /// is asked for again makes the agent know it, which a commit needs.
    @Test func `a guest that its agent did not note is noted before the choice is left`() throws {
        let world = ModelWorld()
        var machine = RunStateMachine(try Samples.record(Samples.request(.unplanned), registry: world.registry))
        machine.record.facts.isHolder = true
        let index = try #require(machine.record.index(of: .startReplica))
        for earlier in 0..<index { machine.record.steps[earlier].state = .done }
        machine.record.steps[index].attempts = 1
        machine.record.progress = .back(index, OrchestratorError(.failedPrecondition, "abandoned"))
        let actions = try machine.handle(.begun, now: Samples.start)
        guard case .ask(let look)? = actions.last, look.call == .agent(.target, .describeSide) else {
            Issue.record("it asks \(actions)")
            return
        }
        let runs = SideState(
            generation: 2, hasGuest: true, guestRuns: true, runsReplica: false, runsTest: false, hasReplica: true,
            alarm: "")
        _ = try machine.handle(.answered(look.number, .success(.side(runs))), now: Samples.start)
        try machine.record.checkInvariants()
        #expect(machine.record.steps.suffix(2).map(\.step) == [.startReplica, .pend])
        #expect(machine.record.currentStep == .startReplica && machine.record.progress == .forward(index + 2))
    }
}
