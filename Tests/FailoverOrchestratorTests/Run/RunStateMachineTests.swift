import Testing

@testable import FailoverOrchestrator

/// Every kind of run, with something going wrong at every place, in a model of vault, policy service and agents.
@Suite struct RunStateMachineTests {
    /// A kind of run, in the variants that take other ways.
    enum Case: String, CaseIterable, Sendable {
        case test, cleanup, planned, unplanned, unplannedReaching, changePoint, commit, cancel, reverse, failback

        var request: RunRequest {
            switch self {
            case .test: return Samples.request(.test)
            case .cleanup: return Samples.request(.cleanup)
            case .planned: return Samples.request(.planned)
            case .unplanned: return Samples.request(.unplanned)
            case .unplannedReaching:
                var request = Samples.request(.unplanned)
                request.reachesSource = true
                return request
            case .changePoint:
                var request = Samples.request(.changePoint)
                request.point = .cycle(2)
                return request
            case .commit: return Samples.request(.commit)
            case .cancel: return Samples.request(.cancel)
            case .reverse: return Samples.request(.reverse)
            case .failback: return Samples.request(.failback)
            }
        }

        /// The world in which it may start.
        func world() throws -> ModelWorld {
            switch self {
            case .test, .planned, .unplanned, .unplannedReaching: return ModelWorld()
            case .cleanup: return try after(Samples.request(.test), in: ModelWorld())
            case .changePoint, .commit, .cancel, .reverse:
                return try after(Samples.request(.unplanned), in: ModelWorld())
            case .failback: return try after(Samples.request(.planned), in: ModelWorld())
            }
        }

        private func after(_ request: RunRequest, in world: ModelWorld) throws -> ModelWorld {
            var runner = try ModelRunner(request, in: world)
            try runner.walk()
            guard runner.record.progress == .succeeded else {
                throw Violation(description: "the \(request.kind) before it ended as \(runner.record.progress)")
            }
            var world = runner.world
            world.settle()
            return world
        }

        func runner(_ trouble: ModelRunner.Trouble = .none) throws -> ModelRunner {
            try ModelRunner(request, in: try world(), trouble: trouble)
        }

        func undisturbed() throws -> ModelRunner {
            var runner = try runner()
            try runner.walk()
            return runner
        }
    }

    @Test(arguments: Case.allCases)
    func `undisturbed, it succeeds, and its record says so`(which: Case) throws {
        let runner = try which.undisturbed()
        #expect(runner.record.progress == .succeeded, "\(runner.record.sentence)")
        #expect(try runner.storedRecord == runner.record)
        #expect(runner.record.steps.allSatisfy { $0.state == .done || $0.state == .skipped })
        #expect(runner.world.entry.run.isEmpty)
    }

    @Test(arguments: Case.allCases)
    func `killed before any of its actions, it ends as it would have`(which: Case) throws {
        let undisturbed = try which.undisturbed()
        for action in 0..<undisturbed.actions {
            var runner = try which.runner(.killedBefore(action))
            try runner.walk()
            #expect(runner.record.progress == .succeeded, "killed before \(action): \(runner.record.sentence)")
            #expect(runner.world.shape == undisturbed.world.shape, "killed before \(action)")
        }
    }

    @Test(arguments: Case.allCases)
    func `killed inside any of its calls, it ends as it would have`(which: Case) throws {
        let undisturbed = try which.undisturbed()
        for call in 0..<undisturbed.calls {
            var runner = try which.runner(.killedInside(call))
            try runner.walk()
            let name = undisturbed.asked[call]
            #expect(runner.record.progress == .succeeded, "killed inside \(name): \(runner.record.sentence)")
            #expect(runner.world.shape == undisturbed.world.shape, "killed inside \(name)")
        }
    }

    @Test(arguments: Case.allCases)
    func `any request or answer may be lost`(which: Case) throws {
        let undisturbed = try which.undisturbed()
        for call in 0..<undisturbed.calls {
            for trouble in [ModelRunner.Trouble.lost(call), .answerLost(call)] {
                var runner = try which.runner(trouble)
                // Where an unplanned failover goes on without the source, the source may run on until it hears of it.
                runner.isStrict = which != .unplanned && which != .unplannedReaching
                try runner.walk()
                let name = "\(trouble) \(undisturbed.asked[call])"
                #expect(runner.record.progress == .succeeded, "\(name): \(runner.record.sentence)")
                if which != .unplannedReaching, which != .unplanned {
                    #expect(runner.world.shape == undisturbed.world.shape, "\(name)")
                }
            }
        }
    }

    /// A refusal either takes everything back, or stands still and says why; told to go on, the run then ends well.
    @Test(arguments: Case.allCases)
    func `refused anywhere, it is taken back or waits`(which: Case) throws {
        let undisturbed = try which.undisturbed()
        let before = try which.world()
        for call in 0..<undisturbed.calls {
            let name = undisturbed.asked[call]
            var runner = try which.runner(.refused(call))
            // Where an unplanned failover goes on without the source, the source may run on until it hears of it.
            if which == .unplanned || which == .unplannedReaching { runner.isStrict = false }
            try runner.walk()
            switch runner.record.progress {
            case .succeeded:
                let mayGoOn = which == .unplanned || which == .unplannedReaching
                #expect(mayGoOn, "\(name) was refused, and nobody cared")
            case .failed(let cause):
                #expect(!cause.message.isEmpty)
                #expect(runner.record.steps.contains { $0.state == .failed }, "\(name)")
                #expect(runner.world.entry.run.isEmpty, "\(name): the protection is still held")
                #expect(runner.world.entry.state == before.entry.state, "\(name)")
                #expect(
                    runner.world.hosts.mapValues(\.guestRuns) == before.hosts.mapValues(\.guestRuns),
                    "\(name): the guest does not run where it ran")
            case .forward, .back:
                let wait = try #require(runner.record.wait, "\(name): it stands still without a word")
                #expect(wait.until == nil && !wait.sentence.isEmpty && !wait.remedy.isEmpty, "\(name)")
                try runner.send(.resumeAsked)
                try runner.walk()
                #expect(runner.record.progress == .succeeded, "\(name): \(runner.record.sentence)")
                #expect(runner.world.shape == undisturbed.world.shape, "\(name)")
            }
        }
    }

    /// A peer that stays away: before the point of no return everything is taken back, as soon as those who have to
    /// take part answer; after it the run waits for it and then ends as it would have.
    @Test(arguments: Case.allCases, ["vault", "policy", "h1", "h2"])
    func `a peer that falls silent only delays`(which: Case, peer: String) throws {
        let undisturbed = try which.undisturbed()
        let before = try which.world()
        for call in 0..<undisturbed.calls {
            var runner = try which.runner(.silent(peer, from: call))
            if which == .unplanned || which == .unplannedReaching { runner.isStrict = false }
            try runner.walk(limit: 600_000)
            if !runner.record.isEnded {
                let wait = try #require(runner.record.wait, "\(call): it stands still without a word")
                #expect(!wait.sentence.isEmpty && !wait.remedy.isEmpty)
                runner.heal()
                try runner.walk()
            }
            let name = "\(peer) silent from \(undisturbed.asked[call]) on: \(runner.record.sentence)"
            switch runner.record.progress {
            case .succeeded:
                if which != .unplannedReaching, which != .unplanned {
                    let differs = runner.record.warnings.contains { $0.contains("duties") }
                    #expect(differs || runner.world.shape == undisturbed.world.shape, "\(name)")
                }
            case .failed:
                #expect(runner.world.entry.run.isEmpty, "\(name)")
                #expect(
                    runner.world.hosts.mapValues(\.guestRuns) == before.hosts.mapValues(\.guestRuns), "\(name)")
            case .forward, .back:
                Issue.record("\(name): it did not end")
            }
        }
    }

    /// Whatever a run waits for, somebody can give it up; then nothing holds the protection, and somebody runs the guest
    /// or the record says that nobody does.
    @Test(arguments: Case.allCases, ["policy", "h1", "h2"])
    func `a run that waits can be abandoned`(which: Case, peer: String) throws {
        let undisturbed = try which.undisturbed()
        for call in 0..<undisturbed.calls {
            var runner = try which.runner(.silent(peer, from: call))
            runner.isStrict = false
            try runner.walk(limit: 20_000)
            for _ in 0..<20 where !runner.record.isEnded {
                try runner.send(.abandonAsked)
                try runner.walk(limit: 20_000)
            }
            let name = "\(peer) silent from \(undisturbed.asked[call]) on: \(runner.record.sentence)"
            #expect(runner.record.isEnded, "\(name)")
            #expect(runner.world.entry.run.isEmpty, "\(name)")
        }
    }

    @Test func `there and back again, the records are an unbroken sequence on the original disks`() throws {
        var world = ModelWorld()
        for kind in [RunKind.planned, .failback, .planned, .failback] {
            let source = try #require(world.hosts[world.entry.sourceHost])
            var runner = try ModelRunner(Samples.request(kind), in: world)
            try runner.walk()
            #expect(runner.record.progress == .succeeded, "\(runner.record.sentence)")
            let target = try #require(runner.world.hosts[runner.record.facts.target.id])
            let end = try #require(runner.world.hosts[source.id]).disk ?? 0
            let cycle = try #require(runner.record.facts.lastDelta)
            // What the replica began with is the last that the source ever wrote.
            #expect(target.isOnBase || target.points?[cycle] == end)
            #expect(end >= source.disk ?? 0)
            #expect(runner.record.rpoMilliseconds == 0)
            world = runner.world
            world.settle()
        }
        #expect(world.entry.sourceHost == "h1")
        #expect(world.entry.generation == 5)
        #expect(world.hosts["h1"]?.isOnBase == true)
    }
}
