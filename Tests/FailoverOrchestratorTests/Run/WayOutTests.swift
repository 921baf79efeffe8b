import Testing

@testable import FailoverOrchestrator

/// What a run that stands still says can be done, and that it is so.
@Suite struct WayOutTests {
    private func pending() throws -> ModelWorld {
        var runner = try ModelRunner(Samples.request(.unplanned), in: ModelWorld())
        try runner.walk()
        return runner.world
    }

    /// It began while nothing was heard of the target, and the vault counts it as away.
    @Test func `a cancellation goes on without a target that is lost`() throws {
        var world = try pending()
        world.silent = ["h2"]
        world.unreachable = ["h2"]
        var runner = try ModelRunner(Samples.request(.cancel), in: world)
        runner.isStrict = false
        try runner.walk(limit: 60_000)
        let wait = try #require(runner.record.wait)
        #expect(runner.record.currentStep == .stopReplica)
        #expect(wait.remedy.contains("If beta is lost: “bascule run abandon 22222222” goes on without it"))
        let generation = runner.world.entry.generation
        for _ in 0..<3 where !runner.record.isEnded {
            try runner.send(.abandonAsked)
            try runner.walk(limit: 60_000)
        }
        #expect(runner.record.isEnded && runner.world.entry.state == .protected && runner.world.entry.run.isEmpty)
        #expect(runner.world.entry.generation == generation + 1, "so that the other side is fenced when it is back")
        #expect(runner.world.hosts["h1"]?.guestRuns == true && runner.world.hosts["h1"]?.isActive == true)
        #expect(runner.record.sentence.contains("without a host"))
    }

    /// The vault hears it, so its guest may serve.
    @Test func `a cancellation does not go on without a target that is only not reached`() throws {
        var world = try pending()
        world.silent = ["h2"]
        var runner = try ModelRunner(Samples.request(.cancel), in: world)
        try runner.walk(limit: 60_000)
        #expect(runner.record.wait?.remedy.contains("without it") == false)
        try runner.send(.abandonAsked)
        try runner.walk(limit: 60_000)
        #expect(runner.record.isEnded && runner.world.entry.state == .commitPending)
        #expect(runner.world.hosts["h1"]?.isActive == false)
    }

    @Test func `a run that is taken back says how it goes on without a host`() throws {
        var undisturbed = try ModelRunner(Samples.request(.planned), in: ModelWorld())
        try undisturbed.walk()
        let trigger = try #require(undisturbed.asked.firstIndex(of: "TriggerCycle"))
        var runner = try ModelRunner(Samples.request(.planned), in: ModelWorld(), trouble: .silent("h1", from: trigger))
        try runner.walk(limit: 7_200_000)
        guard case .forward = runner.record.progress else {
            #expect(runner.record.wait?.remedy.contains("If alpha is lost: “bascule run abandon 22222222”") == true)
            return
        }
        // A source that died after its last changes were fetched does not keep the guest down.
        #expect(runner.record.facts.activeSide == .target)
    }

    /// “bascule recover” was first, from another point.
    @Test func `a guest from another point stays, and the other point is for afterwards`() throws {
        let world = ModelWorld()
        var record = try Samples.record(Samples.request(.unplanned), registry: world.registry)
        record.facts.point = Samples.point(2)
        record.facts.runsAnotherPoint = true
        let error = OrchestratorError(.conflict, "It runs from another point.", remedy: "Stop the replica first.")
        let remedy = record.remedy(for: error, .startReplica(.failover), isRepeated: true)
        #expect(!remedy.contains("Stop the replica first"))
        #expect(remedy.contains("“bascule run abandon 22222222”"))
        #expect(remedy.contains("“bascule change-point web --point 2”"))
    }

    /// The guest is off then, and its protection says nothing of it.
    @Test func `a change of point that is given up after its stop says how the guest comes up again`() throws {
        var request = Samples.request(.changePoint)
        request.point = .cycle(2)
        var undisturbed = try ModelRunner(request, in: try pending())
        try undisturbed.walk()
        let start = try #require(undisturbed.asked.firstIndex(of: "StartReplica"))
        var runner = try ModelRunner(request, in: try pending(), trouble: .refused(start))
        try runner.walk(limit: 60_000)
        try runner.send(.abandonAsked)
        try runner.walk(limit: 60_000)
        guard case .failed(let cause) = runner.record.progress else {
            Issue.record("it ended as \(runner.record.progress)")
            return
        }
        #expect(cause.message.contains("was stopped at beta"))
        #expect(cause.remedy.contains("“bascule change-point web --point latest”"))
    }
}
