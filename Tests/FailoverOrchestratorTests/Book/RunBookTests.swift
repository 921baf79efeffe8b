import Testing

@testable import FailoverOrchestrator

/// Which runs may start, and what is kept of them.
@Suite struct RunBookTests {
    /// Every kind in every state, and nothing between legal and refused.
    @Test(arguments: RunKind.allCases, ProtectionState.allCases)
    func `a run may start only where its first step is legal`(kind: RunKind, state: ProtectionState) {
        let legal: [ProtectionState] =
            switch kind {
            case .cleanup: ProtectionState.allCases
            case .test, .planned, .unplanned, .failback: [.protected, .paused, .resynchronizing]
            case .changePoint, .commit, .cancel: [.commitPending]
            case .reverse: [.commitPending, .committed]
            }
        let error = Samples.refusal(kind, Samples.entry(state, reversed: kind == .failback))
        #expect((error == nil) == legal.contains(state))
        #expect(error.map { $0.code == .failedPrecondition && !$0.remedy.isEmpty } ?? true)
    }

    @Test func `planned and failback are told apart by the direction`() {
        #expect(Samples.refusal(.planned, Samples.entry(reversed: true))?.facts["rule"] == "direction")
        #expect(Samples.refusal(.failback, Samples.entry())?.facts["rule"] == "direction")
    }

    @Test func `a protection that an unknown run holds is left alone`() {
        #expect(Samples.refusal(.planned, Samples.entry(.failingOver, run: "x"))?.facts["rule"] == "held")
    }

    @Test(arguments: [RunKind.planned, .failback, .reverse])
    func `a host that is needed has to be heard of`(kind: RunKind) {
        let state: ProtectionState = kind.isPlanned ? .protected : .commitPending
        for host in 0...1 {
            let error = Samples.refusal(kind, Samples.entry(state, reversed: kind == .failback)) {
                $0.hosts[host].isReachable = false
            }
            #expect(error?.facts["rule"] == "host-silent")
        }
    }

    @Test func `an unplanned failover needs the target alone`() {
        #expect(Samples.refusal(.unplanned, Samples.entry()) { $0.hosts[0].isReachable = false } == nil)
        #expect(Samples.refusal(.unplanned, Samples.entry()) { $0.hosts[1].isReachable = false } != nil)
    }

    /// A host that took its side by itself, and was killed before it started the guest, has told no point.
    @Test(arguments: [RunKind.commit, .reverse])
    func `what rests on the point waits until it is known`(kind: RunKind) {
        var entry = Samples.entry(.commitPending, active: .target)
        entry.failoverCycle = 0
        let error = Samples.refusal(kind, entry)
        #expect(error?.facts["rule"] == "no-point")
        #expect(error?.remedy.contains("“bascule unprotect web --keep-replica”") == true)
        #expect(Samples.refusal(.changePoint, entry) == nil && Samples.refusal(.cancel, entry) == nil)
    }

    @Test func `a test whose guest is no longer protected can still be cleaned up`() throws {
        var test = try ended(Samples.request(.test), id: "0")
        test.protection = "33333333-3333-4333-8333-333333333333"
        // The guest is protected anew, or not at all.
        for protections in [[Samples.entry()], []] {
            var registry = Samples.registry()
            registry.protections = protections
            let record = try Samples.record(Samples.request(.cleanup), registry: registry, others: [test])
            #expect(record.protection == test.protection && record.facts.target.id == test.facts.target.id)
            var book = RunBook(stored: [test])
            let request = OrchestratorRequest.start(
                Samples.request(.cleanup), id: Samples.run, isDryRun: false, sender: "")
            let output = book.handle(
                .registryRead(RequestToken(value: 1), request, .success(registry)), now: Samples.start)
            guard case .ask(let order)? = output.actions.last else {
                Issue.record("it asks nothing: \(output.actions)")
                continue
            }
            #expect(order.call == .agent(.target, .stopReplica(.test, nil)) && order.protection == test.protection)
            _ = book.handle(.run(Samples.run, .answered(order.number, .success(.done))), now: Samples.start)
            #expect(!book.records.contains { $0.holdsTest })
        }
    }

    @Test func `a guest that fits nowhere at the target is refused before it is shut down`() throws {
        var world = ModelWorld()
        var registry = world.registry
        registry.hosts[1].memoryFreeBytes = 1 << 20
        var machine = RunStateMachine(try Samples.record(Samples.request(.planned), registry: registry))
        var pending = try machine.handle(.begun, now: Samples.start)
        while !machine.record.isEnded, !pending.isEmpty {
            guard case .ask(let order) = pending.removeFirst() else { continue }
            var result = try world.answer(order)
            if order.call == .snapshot, case .success(.registry(var view)) = result {
                view.hosts[1].memoryFreeBytes = 1 << 20
                result = .success(.registry(view))
            }
            pending += try machine.handle(.answered(order.number, result), now: Samples.start)
        }
        guard case .failed(let cause) = machine.record.progress else {
            Issue.record("it ended as \(machine.record.progress)")
            return
        }
        #expect(cause.facts["rule"] == "memory" && !cause.remedy.isEmpty)
        #expect(world.isAsBefore)
    }

    /// “bascule recover” was first. Taking the run back would stop that guest and drop what it wrote.
    @Test func `a run that meets a guest which it did not start leaves it alone when it is abandoned`() throws {
        var world = ModelWorld()
        var machine = RunStateMachine(try Samples.record(Samples.request(.unplanned), registry: world.registry))
        var pending = try machine.handle(.begun, now: Samples.start)
        var asked: [RunCall] = []
        while !machine.record.isEnded {
            if pending.isEmpty { pending = try machine.handle(.abandonAsked, now: Samples.start) }
            guard case .ask(let order) = pending.removeFirst() else { continue }
            asked.append(order.call)
            var result = try world.answer(order)
            if case .agent(.target, .startReplica) = order.call {
                result = .failure(OrchestratorError(.conflict, "It runs from another point.", remedy: "Stop it."))
            }
            pending += try machine.handle(.answered(order.number, result), now: Samples.start)
        }
        #expect(!asked.contains(.agent(.target, .stopReplica(.failover, nil))))
        guard case .advance(let last)? = asked.last else {
            Issue.record("it ended with \(asked.suffix(3))")
            return
        }
        #expect(last.move == .pend)
    }

    @Test func `networks of a reversed protection lead back along the pair that it came by`() {
        var entry = Samples.entry(reversed: true)
        swap(&entry.sourceCloud, &entry.targetCloud)
        let pair = Samples.registry(entry).pair(of: entry)
        #expect(pair?.networks == [NetworkLink(source: "br-b", target: "br-a")])
        #expect(pair?.policy == "fast" && pair?.fenceAction == .shutDown)
    }

    @Test func `a new run takes the place of the oldest that ended, and never of a test that still stands`() throws {
        var test = try ended(Samples.request(.test), id: "0")
        test.requestedAt = RunTime(milliseconds: 0)
        let others = try (1..<OrchestratorLimits.runsMaximum).map { number in
            var record = try ended(Samples.request(.commit), id: "\(number)")
            record.requestedAt = RunTime(milliseconds: Int64(number))
            record.protection = "another"
            return record
        }
        test.protection = "another"
        var book = RunBook(stored: [test] + others)
        let token = RequestToken(value: 1)
        let request = OrchestratorRequest.start(
            Samples.request(.planned), id: Samples.run, isDryRun: false, sender: "")
        let output = book.handle(.registryRead(token, request, .success(Samples.registry())), now: Samples.start)
        #expect(output.changes.first == .remove("1"))
        #expect(book.records.count == OrchestratorLimits.runsMaximum)
        #expect(book.records.contains { $0.id == "0" })
    }

    private func ended(_ request: RunRequest, id: String) throws -> RunRecord {
        let state: ProtectionState = request.kind == .commit ? .commitPending : .protected
        var record = try Samples.record(request, registry: Samples.registry(Samples.entry(state)), id: id)
        for index in record.steps.indices { record.steps[index].state = .done }
        record.progress = .succeeded
        record.endedAt = Samples.start
        return record
    }

    @Test func `identifiers of operations are the same again, and different for every try`() {
        let one = OperationSeed(text: "run|1|forward|stopGuest|1|4|2|0")
        let again = OperationSeed(text: "run|1|forward|stopGuest|1|4|2|0")
        let other = OperationSeed(text: "run|1|forward|stopGuest|2|4|2|0")
        #expect(one.halves == again.halves)
        #expect(one.halves.0 != other.halves.0 && one.halves.1 != other.halves.1)
    }
}
