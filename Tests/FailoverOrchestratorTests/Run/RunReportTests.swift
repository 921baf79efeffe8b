import Testing

@testable import FailoverOrchestrator

/// What a run measures.
@Suite struct RunReportTests {
    /// Answers the calls of a run with a world, and gives the start its own answer time.
    private func record(_ kind: RunKind, spoil: Bool) throws -> RunRecord {
        var world = ModelWorld()
        var now = Samples.start
        var machine = RunStateMachine(try Samples.record(Samples.request(kind), registry: world.registry))
        var pending = try machine.handle(.begun, now: now)
        var isSpoiled = false
        while !machine.record.isEnded, !pending.isEmpty {
            switch pending.removeFirst() {
            case .store: break
            case .wake(let time, let number):
                now = max(now, time)
                pending += try machine.handle(.timePassed(number), now: now)
            case .ask(let order):
                var result = try world.answer(order)
                if case .agent(_, .startReplica) = order.call {
                    now = now + 500
                    if spoil, !isSpoiled {
                        isSpoiled = true
                        result = .failure(ModelWorld.silence)
                    }
                }
                pending += try machine.handle(.answered(order.number, result), now: now)
            }
        }
        return machine.record
    }

    @Test func `the first instruction is timed by what the agent measured, on our own clock`() throws {
        // The answer took 500 ms, the guest ran 9 ms after the request was sent.
        #expect(try record(.test, spoil: false).rtoMilliseconds == 9)
    }

    @Test func `when an answer was lost, only the later one's arrival is sure`() throws {
        #expect(try #require(record(.test, spoil: true).rtoMilliseconds) >= 1_000)
    }

    @Test func `without a last delta the age of the point counts, and with it nothing is lost`() throws {
        #expect(try record(.unplanned, spoil: false).rpoMilliseconds == 5_000)
        #expect(try record(.planned, spoil: false).rpoMilliseconds == 0)
    }

    @Test(arguments: [true, false])
    func `the last point of a guest whose plug was pulled is crash-consistent`(shutsDown: Bool) throws {
        var world = ModelWorld()
        world.hosts["h1"]?.shutsDown = shutsDown
        var runner = try ModelRunner(Samples.request(.planned), in: world)
        try runner.walk()
        #expect(runner.record.facts.point?.isApplicationConsistent == shutsDown)
        let delta = try #require(runner.record.steps.first { $0.step == .lastDelta })
        #expect(delta.detail.contains("crash-consistent") == !shutsDown)
        #expect(runner.record.warnings.contains { $0.contains("plug") } == !shutsDown)
    }

    /// A cycle that is open is let end, for a while.
    @Test(arguments: [true, false])
    func `a planned shutdown waits for the open cycle, and not for ever`(ends: Bool) throws {
        var world = ModelWorld()
        world.isCycleOpen = true
        var now = Samples.start
        var machine = RunStateMachine(try Samples.record(Samples.request(.planned), registry: world.registry))
        var pending = try machine.handle(.begun, now: now)
        var askedAt: RunTime?
        var statuses = 0
        while askedAt == nil, !pending.isEmpty {
            switch pending.removeFirst() {
            case .store: break
            case .wake(let time, let number):
                now = max(now, time)
                pending += try machine.handle(.timePassed(number), now: now)
            case .ask(let order):
                if case .status = order.call { statuses += 1 }
                if ends, statuses == 5 { world.isCycleOpen = false }
                if case .agent(_, .stopGuest) = order.call { askedAt = now }
                pending += try machine.handle(.answered(order.number, try world.answer(order)), now: now)
            }
        }
        let waited = try #require(askedAt) - Samples.start
        #expect(ends ? waited == 400 && statuses == 5 : waited == OrchestratorLimits.restWaitMilliseconds)
    }

    @Test(arguments: RunKind.allCases)
    func `every kind says what is the case in one sentence`(kind: RunKind) throws {
        let state: ProtectionState =
            [.changePoint, .commit, .cancel, .reverse].contains(kind) ? .commitPending : .protected
        var record = try Samples.record(
            Samples.request(kind), registry: Samples.registry(Samples.entry(state, reversed: kind == .failback)))
        record.progress = .succeeded
        #expect(record.sentence.contains("alpha") || record.sentence.contains("beta"))
        record.progress = .failed(OrchestratorError(.unavailable, "Why.", remedy: "What next."))
        #expect(record.sentence == "Why." && record.remedy == "What next.")
    }

    @Test func `what a host gives as its reason is in the sentence, once`() {
        let refused = OrchestratorError(
            .unavailable, "Guest web could not be started.", facts: ["cause": "the socket's path is too long"])
        let told = refused.tellingCause
        #expect(told.message == "Guest web could not be started: the socket's path is too long.")
        #expect(told.tellingCause == told)
        #expect(told.code == refused.code && told.isRetryable == refused.isRetryable && told.facts == refused.facts)
        let plain = OrchestratorError(.notFound, "There is no guest web.")
        #expect(plain.tellingCause == plain)
    }
}
