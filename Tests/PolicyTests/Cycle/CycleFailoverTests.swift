import Testing

@testable import Policy

/// One protection's machine while sides change.
@Suite struct CycleFailoverTests {
    let now = Samples.start

    func machine(_ entry: ProtectionEntry = Samples.entry(.protected)) -> CycleStateMachine {
        CycleStateMachine(
            entry: entry, binding: .known(Samples.settings()), progress: Samples.progress(), now: now)
    }

    func entry(
        _ state: ProtectionEntry.State, version: UInt64, generation: UInt64 = 1,
        side: ProtectionEntry.Side = .source, isReversed: Bool = false
    ) -> ProtectionEntry {
        var entry = Samples.entry(state, version: version)
        entry.generation = generation
        entry.activeSide = side
        entry.run = "run"
        if isReversed {
            swap(&entry.sourceHost, &entry.targetHost)
            swap(&entry.sourceCloud, &entry.targetCloud)
            entry.direction = .reverse
        }
        return entry
    }

    func calls(_ actions: [CycleAction]) -> [(number: CallNumber, host: String, call: AgentCall)] {
        actions.compactMap { action in
            guard case .call(let number, let host, _, let call) = action else { return nil }
            return (number, host, call)
        }
    }

    /// Answers the last request of these.
    func answer(
        _ machine: inout CycleStateMachine, _ actions: [CycleAction], _ result: Result<AgentAnswer, PolicyError>
    ) throws -> [CycleAction] {
        machine.handle(.answered(try #require(calls(actions).last).number, result), now: now)
    }

    /// The cycle that was begun, through to its point and the end of its capture. Nothing has changed on the disks.
    func finish(_ machine: inout CycleStateMachine, _ begun: [CycleAction], cycle: UInt64) throws {
        var capture = Samples.capture(cycle, changed: [0, 0, 0])
        capture.offline = true
        var actions = try answer(&machine, begun, .success(.captureOpened(capture)))
        actions = try answer(&machine, actions, .success(.cycleOpened(Samples.door)))
        actions = try answer(&machine, actions, .success(.committed(storedBytes: 1)))
        _ = try answer(&machine, actions, .success(.done))
        #expect(machine.phase == .resting)
    }

    @Test func `while a failover holds it, a cycle begins only when it is asked for, and one`() throws {
        var machine = machine()
        _ = machine.handle(.listed(entry(.failingOver, version: 2), .ordinary), now: now)
        #expect(machine.startsAt == nil && machine.desiredState == nil)
        _ = machine.handle(.triggered(nil), now: now)
        #expect(try #require(machine.startsAt) <= now)
        try finish(&machine, machine.start(now: now), cycle: 8)
        #expect(machine.startsAt == nil)
        #expect(machine.status.last?.offline == true && machine.status.last?.cycle == 8)
    }

    @Test func `what is asked for during a cycle begins after it`() throws {
        var machine = machine()
        let open = machine.start(now: now)
        _ = machine.handle(.listed(entry(.failingOver, version: 2), .ordinary), now: now)
        _ = machine.handle(.triggered(nil), now: now)
        try finish(&machine, open, cycle: 8)
        #expect(try #require(machine.startsAt) <= now)
        try finish(&machine, machine.start(now: now), cycle: 9)
        #expect(machine.startsAt == nil)
    }

    @Test func `asked before the failover was heard of, it is made all the same`() throws {
        var machine = machine()
        let open = machine.start(now: now)
        _ = machine.handle(.triggered(nil), now: now)
        _ = machine.handle(.listed(entry(.failingOver, version: 2), .ordinary), now: now)
        try finish(&machine, open, cycle: 8)
        #expect(machine.startsAt != nil)
    }

    @Test func `one that failed is tried again after a while, and also after a restart`() throws {
        var machine = machine()
        _ = machine.handle(.listed(entry(.failingOver, version: 2), .ordinary), now: now)
        _ = machine.handle(.triggered(nil), now: now)
        let begun = machine.start(now: now)
        let stored = machine.progress
        let refused = PolicyError(.unavailable, "The host does not answer.")
        let cleanup = try answer(&machine, begun, .failure(refused))
        _ = try answer(&machine, cleanup, .success(.done))
        #expect(machine.startsAt == now + PolicyLimits.backoffFirstMilliseconds)

        var again = CycleStateMachine(
            entry: entry(.failingOver, version: 2), binding: .known(Samples.settings()), progress: stored, now: now)
        guard case .store(.putOpenCycle(let record)) = begun[1] else { throw PolicyError(.internal, "another order") }
        let cleaning = again.recover(record, now: now)
        for call in calls(cleaning) { _ = again.handle(.answered(call.number, .success(.done)), now: now) }
        #expect(try #require(again.startsAt) <= now)
    }

    @Test(arguments: ["capture", "target", "commit"])
    func `a cycle that is open when the target becomes active is given up without waiting`(reached: String) throws {
        var machine = machine()
        var actions = machine.start(now: now)
        if reached != "capture" {
            let capture = Samples.capture(8, changed: [0, 0, 0])
            actions = try answer(&machine, actions, .success(.captureOpened(capture)))
        }
        if reached == "commit" { actions = try answer(&machine, actions, .success(.cycleOpened(Samples.door))) }
        let active = entry(.failingOver, version: 3, generation: 2, side: .target)
        let given = machine.handle(.listed(active, .ordinary), now: now)
        #expect(machine.phase == .resting && machine.startsAt == nil && machine.wakesAt == nil)
        let told = calls(given).map(\.call)
        // Of a commit in doubt the source is told nothing, so that it keeps both checkpoints.
        #expect(told == (reached == "commit" ? [] : [.closeAbandoned(cycle: 8, keep: 7), .abortCycle(cycle: 8)]))
        let before = machine.ignoredAnswers
        _ = try answer(&machine, actions, .success(.done))
        #expect(machine.ignoredAnswers == before + 1 && machine.phase == .resting)
    }

    @Test(arguments: [UInt64(8), 7])
    func `what became of a commit in doubt is asked before the next cycle`(held: UInt64) throws {
        var machine = machine()
        var actions = machine.start(now: now)
        actions = try answer(&machine, actions, .success(.captureOpened(Samples.capture(8, changed: [0, 0, 0]))))
        _ = try answer(&machine, actions, .success(.cycleOpened(Samples.door)))
        for step in [
            entry(.failingOver, version: 3, generation: 2, side: .target), entry(.protected, version: 4, generation: 3),
        ] { _ = machine.handle(.listed(step, .ordinary), now: now) }
        actions = machine.start(now: now)
        #expect(calls(actions).map(\.call) == [.describeReplica])
        let replica = ReplicaSummary(newestCycle: held, openCycle: 0, generation: 3)
        _ = try answer(&machine, actions, .success(.replica(replica)))
        guard case .openCapture(let order)? = calls(machine.start(now: now)).last?.call else {
            throw PolicyError(.internal, "no capture was asked for")
        }
        #expect(order.cycle == 9 && order.parent == held && order.kind == .incremental)
    }

    @Test func `after a restart a cycle of an older generation is dropped, too`() {
        let pending = entry(.commitPending, version: 4, generation: 2, side: .target)
        for stage in CycleRecord.Stage.allCases {
            var machine = machine(pending)
            let actions = machine.recover(Samples.record(stage), now: now)
            #expect(machine.phase == .resting)
            #expect(actions.contains { if case .store(.clearOpenCycle) = $0 { true } else { false } })
        }
    }

    @Test func `the first cycle back lies on the newest that is held, and ends the reversing`() throws {
        var machine = machine()
        try finish(&machine, machine.start(now: now), cycle: 8)
        for step in [
            entry(.failingOver, version: 2), entry(.failingOver, version: 3, generation: 2, side: .target),
            entry(.commitPending, version: 4, generation: 2, side: .target),
            entry(.committed, version: 5, generation: 2, side: .target),
        ] {
            _ = machine.handle(.listed(step, .ordinary), now: now)
            #expect(machine.startsAt == nil && machine.desiredState == nil)
        }
        let reversing = entry(.reversing, version: 6, generation: 2, isReversed: true)
        _ = machine.handle(.listed(reversing, .ordinary), now: now)
        #expect(try #require(machine.startsAt) <= now)
        #expect(machine.desiredState == nil)
        let begun = machine.start(now: now)
        guard case .openCapture(let order)? = calls(begun).last?.call else {
            throw PolicyError(.internal, "no capture was asked for")
        }
        #expect(calls(begun).last?.host == "h2")
        #expect(order.cycle == 9 && order.parent == 8 && order.kind == .incremental)
        try finish(&machine, begun, cycle: 9)
        #expect(machine.desiredState?.state == .protected)
        #expect(StateReconciler.step(from: .reversing, to: .protected) == .protected)
    }

    @Test(arguments: [PolicyError.Code.wrongParent, .alreadyExists, .conflict])
    func `a side that holds a higher number is compared with on top of it`(code: PolicyError.Code) throws {
        var machine = machine()
        let reversing = entry(.reversing, version: 6, generation: 2, isReversed: true)
        _ = machine.handle(.listed(reversing, .ordinary), now: now)
        var actions = machine.start(now: now)
        actions = try answer(&machine, actions, .success(.captureOpened(Samples.capture(8))))
        actions = try answer(&machine, actions, .failure(PolicyError(code, "The replica holds cycle 40.")))
        var asked: [CycleAction] = []
        for call in calls(actions) { asked += machine.handle(.answered(call.number, .success(.done)), now: now) }
        #expect(calls(asked).map(\.call) == [.describeReplica])
        let held = ReplicaSummary(newestCycle: 40, openCycle: 0, generation: 2)
        _ = try answer(&machine, asked, .success(.replica(held)))
        #expect(machine.progress.parent == 40 && machine.progress.lastNumber == 40)
        try machine.progress.checkInvariants()
        let next = machine.start(now: now)
        guard case .openCapture(let order)? = calls(next).last?.call else {
            throw PolicyError(.internal, "no capture was asked for")
        }
        #expect(order.cycle == 41 && order.parent == 40 && order.kind == .compare)
    }

    /// Disks that hold more than the point go under the number of the point that the other side was started from.
    @Test func `a side that holds the number and refuses it as the parent is compared with`() throws {
        var machine = machine()
        let reversing = entry(.reversing, version: 6, generation: 2, isReversed: true)
        _ = machine.handle(.listed(reversing, .ordinary), now: now)
        var actions = machine.start(now: now)
        actions = try answer(&machine, actions, .success(.captureOpened(Samples.capture(8))))
        actions = try answer(&machine, actions, .failure(PolicyError(.wrongParent, "The disks diverged.")))
        var asked: [CycleAction] = []
        for call in calls(actions) { asked += machine.handle(.answered(call.number, .success(.done)), now: now) }
        #expect(calls(asked).map(\.call) == [.describeReplica])
        let held = ReplicaSummary(newestCycle: machine.progress.parent, openCycle: 0, generation: 2)
        _ = try answer(&machine, asked, .success(.replica(held)))
        try machine.progress.checkInvariants()
        let startsAt = try #require(machine.startsAt)
        let next = machine.start(now: max(now, startsAt))
        guard case .openCapture(let order)? = calls(next).last?.call else {
            throw PolicyError(.internal, "no capture was asked for")
        }
        #expect(order.cycle == 9 && order.parent == held.newestCycle && order.kind == .compare)
    }

    @Test func `taken back it goes on at once, from the same checkpoint`() throws {
        var machine = machine()
        for step in [
            entry(.failingOver, version: 2, generation: 2, side: .target),
            entry(.failingOver, version: 3, generation: 3),
            entry(.protected, version: 4, generation: 3),
        ] { _ = machine.handle(.listed(step, .ordinary), now: now) }
        #expect(try #require(machine.startsAt) <= now)
        guard case .call(_, "h1", 3, .openCapture(let order))? = machine.start(now: now).last else {
            throw PolicyError(.internal, "no capture was asked for")
        }
        #expect(order.parent == 7 && order.kind == .incremental)
    }

    @Test func `a fenced agent is not asked again and again`() throws {
        var machine = machine()
        let begun = machine.start(now: now)
        let stale = PolicyError(.staleGeneration, "This side is over.")
        let cleanup = try answer(&machine, begun, .failure(stale))
        _ = try answer(&machine, cleanup, .failure(stale))
        #expect(machine.phase == .resting && machine.startsAt == now + PolicyLimits.backoffFirstMilliseconds)
    }

    @Test func `a paused reversal goes on reversing`() throws {
        var machine = machine()
        _ = machine.handle(
            .listed(entry(.paused, version: 7, generation: 2, isReversed: true), .ordinary), now: now)
        #expect(machine.startsAt == nil)
        _ = machine.handle(
            .listed(entry(.reversing, version: 8, generation: 2, isReversed: true), .ordinary), now: now)
        #expect(machine.startsAt != nil)
    }

    /// A cycle in which the source changed nothing brings what the old side wrote, nevertheless.
    @Test func `what the target needs besides what changed is moved`() throws {
        var machine = machine(entry(.reversing, version: 4, generation: 2, isReversed: true))
        _ = machine.handle(.triggered(nil), now: now)
        var actions = machine.start(now: now)
        actions = try answer(&machine, actions, .success(.captureOpened(Samples.capture(8, changed: [0, 0, 0]))))
        var door = Samples.door
        door.diverged = [DivergedRange(disk: 0, range: 65_536..<131_072)]
        actions = try answer(&machine, actions, .success(.cycleOpened(door)))
        let posted = actions.compactMap { action -> Capture? in
            guard case .post(_, let capture, _, _) = action else { return nil }
            return capture
        }
        #expect(posted.map(\.changedBytes) == [65_536])
    }

    @Test func `the target's reason for a comparison is the one that people see`() throws {
        var machine = machine()
        _ = machine.handle(.triggered(nil), now: now)
        var actions = machine.start(now: now)
        actions = try answer(&machine, actions, .success(.captureOpened(Samples.capture(8))))
        let refusal = PolicyError(.wrongParent, "The disks diverged.", facts: ["because": "The bitmap was lost."])
        _ = try answer(&machine, actions, .failure(refusal))
        let reason = "The target refused cycle 7 as the parent: The bitmap was lost."
        #expect(machine.progress.need == .compare(reason: reason))
    }
}
