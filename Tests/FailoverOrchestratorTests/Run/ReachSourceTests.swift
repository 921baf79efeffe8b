import Testing

@testable import FailoverOrchestrator

/// An unplanned failover that is asked to reach its source: one that is there is not given up for a hiccup, and one that
/// is not costs no more than its bounds.
@Suite struct ReachSourceTests {
    private static let reaching: RunRequest = {
        var request = Samples.request(.unplanned)
        request.reachesSource = true
        return request
    }()

    /// By what the source and the policy service are asked: its place among the calls of an undisturbed run.
    enum Call: String, CaseIterable, Sendable {
        case describe, policies, stop, mark, trigger, watch, history, fence

        func number() throws -> Int {
            var runner = try ModelRunner(ReachSourceTests.reaching, in: ModelWorld())
            try runner.walk()
            try #require(runner.record.isDone(.lastDelta) && runner.record.isDone(.fenceSource))
            let calls = runner.asked
            let stop = try #require(calls.firstIndex(of: "StopGuest"), "\(calls)")
            return switch self {
            case .describe: stop - 2
            case .policies: stop - 1
            case .stop: stop
            case .mark: stop + 1
            case .trigger: stop + 2
            case .watch: stop + 3
            case .history: stop + 4
            case .fence: try #require(calls.firstIndex(of: "SetSide"), "\(calls)")
            }
        }
    }

    private func walk(_ trouble: ModelRunner.Trouble, in world: ModelWorld = ModelWorld()) throws -> ModelRunner {
        var runner = try ModelRunner(Self.reaching, in: world, trouble: trouble)
        runner.isStrict = false
        try runner.walk()
        #expect(runner.record.progress == .succeeded, "\(trouble): \(runner.record.sentence)")
        return runner
    }

    private func state(of step: RunStep, in runner: ModelRunner) -> StepRecord.State? {
        runner.record.steps.first { $0.step == step }?.state
    }

    @Test(arguments: Call.allCases)
    func `a hiccup anywhere loses nothing of what the source wrote`(call: Call) throws {
        let number = try call.number()
        let runner = try walk(.hiccup(number))
        #expect(runner.asked.count > number + 1)
        for step in [RunStep.shutDownSource, .lastDelta, .fenceSource] {
            #expect(state(of: step, in: runner) == .done, "\(step)")
        }
        #expect(runner.record.rpoMilliseconds == 0)
        #expect(runner.record.warnings == [])
        #expect(runner.world.hosts["h1"]?.guestRuns == false && runner.world.hosts["h1"]?.isActive == false)
    }

    /// All but the shutdown itself, whose deadline is the guest's whole time.
    @Test(arguments: Call.allCases)
    func `an answer that was lost once is asked for again`(call: Call) throws {
        let runner = try walk(.answerLost(try call.number()))
        let isDone = call != .stop
        #expect((state(of: .shutDownSource, in: runner) == .done) == isDone)
        #expect((state(of: .lastDelta, in: runner) == .done) == isDone)
        #expect(state(of: .fenceSource, in: runner) == .done)
    }

    @Test func `a guest that used up its time to shut down is not asked again`() throws {
        let runner = try walk(.hiccup(try Call.stop.number(), .deadlineExceeded))
        let step = try #require(runner.record.steps.first { $0.step == .shutDownSource })
        #expect(step.state == .skipped && step.attempts == 1)
        #expect(runner.asked.count { $0 == "StopGuest" } == 1)
    }

    @Test(arguments: Call.allCases)
    func `what no time mends is passed over at once`(call: Call) throws {
        let number = try call.number()
        let runner = try walk(.refused(number))
        let step: RunStep =
            switch call {
            case .describe, .policies, .stop: .shutDownSource
            case .mark, .trigger, .watch, .history: .lastDelta
            case .fence: .fenceSource
            }
        #expect(state(of: step, in: runner) == .skipped)
        #expect(runner.record.steps.first { $0.step == step }?.attempts == 1)
    }

    /// How long a run looks for a source that died may depend on what it was asked, and on what the vault knows.
    @Test(arguments: [
        // Nobody asked for the source: one fence, for 0.7 s, as long as the vault hears it.
        (reaches: false, isHeard: true, least: 700, most: 1_000), (reaches: false, isHeard: false, least: 0, most: 300),
        // Two calls of 5 s, and no more patience with the fence than without.
        (reaches: true, isHeard: true, least: 10_700, most: 11_500),
        (reaches: true, isHeard: false, least: 0, most: 300),
    ])
    func `a source that is dead costs no more than its bound`(
        reaches: Bool, isHeard: Bool, least: Int64, most: Int64
    ) throws {
        var world = ModelWorld()
        world.silent = ["h1"]
        if !isHeard { world.unreachable = ["h1"] }
        var request = Samples.request(.unplanned)
        request.reachesSource = reaches
        var runner = try ModelRunner(request, in: world)
        runner.isStrict = false
        try runner.walk()
        #expect(runner.record.progress == .succeeded)
        let took = try #require(runner.record.endedAt) - Samples.start
        #expect((least...most).contains(took), "\(took) ms: \(runner.asked)")
    }

    /// The vault's silence limit may pass while the run tries; then nobody waits for the long deadline again.
    @Test func `a source of which the vault hears nothing any more is not insisted on`() throws {
        var world = ModelWorld()
        world.silent = ["h1"]
        var runner = try ModelRunner(Self.reaching, in: world)
        runner.isStrict = false
        try runner.walk(limit: 4_000)
        try #require(runner.record.currentStep == .shutDownSource && runner.record.wait != nil)
        let noticed = runner.now
        runner.lose("h1")
        try runner.walk()
        #expect(runner.record.progress == .succeeded)
        #expect(state(of: .fenceSource, in: runner) == .skipped)
        #expect(try #require(runner.record.endedAt) - noticed < 1_500)
    }
}
