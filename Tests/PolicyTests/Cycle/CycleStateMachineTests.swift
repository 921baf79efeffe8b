import Testing

@testable import Policy

/// The named paths of one protection. What no one can list is walked in `SimulationTests`.
@Suite struct CycleStateMachineTests {
    var now = Samples.start

    /// A machine with one committed cycle, whose next one was just begun.
    func begun(
        _ entry: ProtectionEntry = Samples.entry(.protected)
    ) -> (machine: CycleStateMachine, actions: [CycleAction]) {
        var machine = CycleStateMachine(
            entry: entry, binding: .known(Samples.settings()), progress: Samples.progress(), now: now)
        let actions = machine.start(now: now)
        return (machine, actions)
    }

    func calls(_ actions: [CycleAction]) -> [AgentCall] {
        actions.compactMap { action in
            guard case .call(_, _, _, let call) = action else { return nil }
            return call
        }
    }

    /// The number under which the last request of these was asked.
    func number(_ actions: [CycleAction]) throws -> CallNumber {
        let numbers = actions.compactMap { action in
            guard case .call(let number, _, _, _) = action else { return nil as CallNumber? }
            return number
        }
        return try #require(numbers.last)
    }

    func answer(
        _ machine: inout CycleStateMachine, _ actions: [CycleAction], _ result: Result<AgentAnswer, PolicyError>
    ) throws -> [CycleAction] {
        machine.handle(.answered(try number(actions), result), now: now)
    }

    /// Up to the point where a commit is asked for, without jobs.
    func committing() throws -> (machine: CycleStateMachine, actions: [CycleAction]) {
        var (machine, actions) = begun()
        actions = try answer(&machine, actions, .success(.captureOpened(Samples.capture(8, changed: [0, 0, 0]))))
        actions = try answer(&machine, actions, .success(.cycleOpened(Samples.door)))
        return (machine, actions)
    }

    let silence = PolicyError(.deadlineExceeded, "no answer")

    @Test func `a number is stored before the capture is asked for`() throws {
        let (_, actions) = begun()
        guard case .store(.putProgress(let progress)) = actions[0], case .store(.putOpenCycle(let record)) = actions[1],
            case .call(_, "h1", 1, .openCapture(let order)) = actions[2]
        else {
            Issue.record("unexpected order: \(actions)")
            return
        }
        #expect(progress.lastNumber == 8)
        #expect(record.cycle == 8 && record.parent == 7 && order.cycle == 8 && order.parent == 7)
    }

    @Test func `without changed bytes the cycle is committed at once`() throws {
        let (machine, actions) = try committing()
        #expect(calls(actions) == [.commitCycle(cycle: 8, jobs: [], retention: Samples.settings().retention)])
        guard case .committing = machine.phase else { return #expect(Bool(false), "\(machine.phase)") }
    }

    @Test func `a committed point is stored and shown before its capture is closed`() throws {
        var (machine, actions) = try committing()
        actions = try answer(&machine, actions, .success(.committed(storedBytes: 77)))
        #expect(machine.progress.parent == 8)
        #expect(machine.status.last?.sentBytes == 77)
        #expect(calls(actions) == [.closeCommitted(cycle: 8)])
        #expect(machine.startsAt == nil)
        actions = try answer(&machine, actions, .success(.done))
        #expect(machine.phase == .resting)
        guard case .store(.clearOpenCycle)? = actions.first else { return #expect(Bool(false), "\(actions)") }
    }

    @Test func `a late or repeated answer changes nothing`() throws {
        var (machine, actions) = begun()
        let first = actions
        actions = try answer(&machine, actions, .success(.captureOpened(Samples.capture(8))))
        let phase = machine.phase
        #expect(try answer(&machine, first, .success(.captureOpened(Samples.capture(8)))).isEmpty)
        #expect(try answer(&machine, first, .failure(silence)).isEmpty)
        #expect(machine.phase == phase)
        #expect(machine.ignoredAnswers == 2)
    }

    @Test func `a lost commit answer is settled by asking what the target holds`() throws {
        var (machine, actions) = try committing()
        actions = try answer(&machine, actions, .failure(silence))
        #expect(calls(actions).contains(.describeReplica))
        let call = try #require(callNumber(actions, .describeReplica))
        let replica = ReplicaSummary(newestCycle: 8, openCycle: 0, generation: 1)
        actions = machine.handle(.answered(call, .success(.replica(replica))), now: now)
        #expect(calls(actions) == [.closeCommitted(cycle: 8)])
        #expect(machine.progress.parent == 8)
    }

    @Test func `a commit that did not arrive is asked for again`() throws {
        var (machine, actions) = try committing()
        actions = try answer(&machine, actions, .failure(silence))
        let call = try #require(callNumber(actions, .describeReplica))
        let replica = ReplicaSummary(newestCycle: 7, openCycle: 8, generation: 1)
        actions = machine.handle(.answered(call, .success(.replica(replica))), now: now)
        #expect(calls(actions) == [.commitCycle(cycle: 8, jobs: [], retention: Samples.settings().retention)])
    }

    @Test func `the source hears of abandoning only after the target has confirmed the abort`() throws {
        var (machine, actions) = try committing()
        actions = try answer(&machine, actions, .failure(PolicyError(.corruptData, "seal")))
        var replica = ReplicaSummary(newestCycle: 7, openCycle: 8, generation: 1)
        var call = try #require(callNumber(actions, .describeReplica))
        actions = machine.handle(.answered(call, .success(.replica(replica))), now: now)
        #expect(calls(actions) == [.abortCycle(cycle: 8)])
        actions = try answer(&machine, actions, .success(.done))
        #expect(calls(actions) == [.describeReplica])
        replica.openCycle = 0
        call = try number(actions)
        actions = machine.handle(.answered(call, .success(.replica(replica))), now: now)
        #expect(calls(actions) == [.closeAbandoned(cycle: 8, keep: 7)])
        #expect(machine.status.lastFailure?.error?.code == .corruptData)
    }

    @Test func `an abort that is refused while the target still commits is repeated`() throws {
        var (machine, actions) = try committing()
        actions = try answer(&machine, actions, .failure(PolicyError(.resourceExhausted, "disk full")))
        let open = ReplicaSummary(newestCycle: 7, openCycle: 8, generation: 1)
        actions = machine.handle(
            .answered(try #require(callNumber(actions, .describeReplica)), .success(.replica(open))), now: now)
        actions = try answer(&machine, actions, .failure(PolicyError(.failedPrecondition, "it is committing")))
        actions = try answer(&machine, actions, .success(.replica(open)))
        #expect(calls(actions).isEmpty)
        let wakes = try #require(machine.wakesAt)
        #expect(wakes <= now + 1_000)
        actions = machine.handle(.timePassed, now: now + 1_000)
        #expect(calls(actions).contains(.abortCycle(cycle: 8)))
    }

    @Test func `a lost checkpoint leads to a comparing cycle at once, with the reason`() throws {
        var (machine, actions) = begun()
        let refusal = PolicyError(.failedPrecondition, "QEMU was killed", facts: ["needs": "compare"])
        actions = try answer(&machine, actions, .failure(refusal))
        #expect(calls(actions) == [.closeAbandoned(cycle: 8, keep: 7)])
        #expect(machine.status.failuresInARow == 0)
        #expect(machine.desiredState?.state == .resynchronizing)
        #expect(machine.desiredState?.reason == "QEMU was killed")
        _ = try answer(&machine, actions, .success(.done))
        #expect(machine.startsAt == now)
        guard case .call(_, _, _, .openCapture(let order))? = machine.start(now: now).last else {
            return #expect(Bool(false))
        }
        #expect(order.kind == .compare && order.cycle == 9 && order.parent == 7)
    }

    /// Comparing needs a parent, and a record that asks for it without one cannot be stored.
    @Test func `a target that refuses the parent at the commit, and holds nothing, is seeded anew`() throws {
        var (machine, actions) = try committing()
        actions = try answer(&machine, actions, .failure(PolicyError(.wrongParent, "it holds nothing")))
        for _ in 0..<10 {
            var next: [CycleAction] = []
            for action in actions {
                if case .store(.putProgress(let progress)) = action { try progress.checkInvariants() }
                guard case .call(let number, _, _, let call) = action else { continue }
                let nothing = PolicyError(.notFound, "There is no replica.")
                next += machine.handle(
                    .answered(number, call == .describeReplica ? .failure(nothing) : .success(.done)), now: now)
            }
            actions = next
        }
        #expect(machine.phase == .resting)
        #expect(machine.progress.parent == 0 && machine.progress.need.kind == .full)
    }

    @Test func `a source that refuses every kind is a failure, not a loop`() throws {
        var (machine, actions) = begun()
        let refusal = PolicyError(.failedPrecondition, "again", facts: ["needs": "compare"])
        for _ in 0..<2 {
            actions = try answer(&machine, actions, .failure(refusal))
            _ = try answer(&machine, actions, .success(.done))
            if machine.startsAt == now { actions = machine.start(now: now) }
        }
        #expect(machine.status.failuresInARow == 1)
        #expect(try #require(machine.startsAt) > now)
    }

    @Test func `a target with another cycle is believed, and compared with`() throws {
        var (machine, actions) = begun()
        actions = try answer(&machine, actions, .success(.captureOpened(Samples.capture(8))))
        actions = try answer(&machine, actions, .failure(PolicyError(.wrongParent, "it holds 5")))
        for call in calls(actions) {
            let number = try #require(callNumber(actions, call))
            let more = machine.handle(.answered(number, .success(.done)), now: now)
            if !calls(more).isEmpty { actions = more }
        }
        #expect(calls(actions) == [.describeReplica])
        let replica = ReplicaSummary(newestCycle: 5, openCycle: 0, generation: 1)
        _ = try answer(&machine, actions, .success(.replica(replica)))
        #expect(machine.progress.parent == 5)
        #expect(machine.progress.need.kind == .compare)
        #expect(machine.progress.lastNumber == 8)
    }

    @Test func `a capture that is gone ends the transfer`() throws {
        var (machine, actions) = begun()
        actions = try answer(&machine, actions, .success(.captureOpened(Samples.capture(8))))
        _ = try answer(&machine, actions, .success(.cycleOpened(Samples.door)))
        actions = machine.handle(.timePassed, now: now + 5_000)
        #expect(calls(actions) == [.keepCapture(cycle: 8, kind: .incremental)])
        actions = try answer(&machine, actions, .failure(PolicyError(.notFound, "no capture")))
        #expect(calls(actions) == [.closeAbandoned(cycle: 8, keep: 7), .abortCycle(cycle: 8)])
        guard case .withdraw(cycle: 8)? = actions.first else { return #expect(Bool(false), "\(actions)") }
    }

    @Test func `nothing is committed unless the source confirms the capture after the last byte`() throws {
        var (machine, actions) = begun()
        actions = try answer(&machine, actions, .success(.captureOpened(Samples.capture(8))))
        _ = try answer(&machine, actions, .success(.cycleOpened(Samples.door)))
        let jobs = [StoredJob(job: "j", attempt: 1, digest: [1])]
        actions = machine.handle(.jobsFinished(cycle: 8, jobs, sentBytes: 1, changedBytes: 1), now: now)
        #expect(calls(actions) == [.verifyCapture(cycle: 8)])
        var refused = machine
        let after = try answer(&refused, actions, .failure(PolicyError(.failedPrecondition, "the guest was started")))
        #expect(calls(after) == [.closeAbandoned(cycle: 8, keep: 7), .abortCycle(cycle: 8)])
        actions = try answer(&machine, actions, .success(.done))
        #expect(calls(actions) == [.commitCycle(cycle: 8, jobs: jobs, retention: Samples.settings().retention)])
    }

    @Test func `pausing stops a transfer, and a commit is let finish`() throws {
        var (machine, actions) = begun()
        actions = try answer(&machine, actions, .success(.captureOpened(Samples.capture(8))))
        _ = try answer(&machine, actions, .success(.cycleOpened(Samples.door)))
        actions = machine.handle(.listed(Samples.entry(.paused, version: 2), .ordinary), now: now)
        #expect(calls(actions) == [.closeAbandoned(cycle: 8, keep: 7), .abortCycle(cycle: 8)])
        #expect(machine.status.failuresInARow == 0)

        (machine, actions) = try committing()
        #expect(machine.handle(.listed(Samples.entry(.paused, version: 2), .ordinary), now: now).isEmpty)
        actions = try answer(&machine, actions, .success(.committed(storedBytes: 1)))
        _ = try answer(&machine, actions, .success(.done))
        #expect(machine.progress.parent == 8)
        #expect(machine.startsAt == nil)
    }

    @Test(arguments: CycleRecord.Stage.allCases)
    func `a restarted service settles what it left open before anything else`(stage: CycleRecord.Stage) throws {
        var machine = CycleStateMachine(
            entry: Samples.entry(.protected), binding: .known(Samples.settings()), progress: Samples.progress(),
            now: now)
        let actions = machine.recover(Samples.record(stage), now: now)
        #expect(machine.startsAt == nil)
        switch stage {
        case .opened: #expect(calls(actions) == [.closeAbandoned(cycle: 8, keep: 7), .abortCycle(cycle: 8)])
        case .committing: #expect(calls(actions) == [.describeReplica])
        case .committed: #expect(calls(actions) == [.closeCommitted(cycle: 8)])
        }
        #expect(machine.progress.lastNumber == 8)
    }

    @Test func `an operator's resync compares, this service's own does not ask for another`() {
        var machine = CycleStateMachine(
            entry: Samples.entry(.protected), binding: .known(Samples.settings()), progress: Samples.progress(),
            now: now)
        _ = machine.handle(.listed(Samples.entry(.resynchronizing, version: 2), .ownResync), now: now)
        #expect(machine.progress.need == .incremental)
        var entry = Samples.entry(.resynchronizing, version: 3)
        entry.stateReason = "ann asked"
        _ = machine.handle(.listed(entry, .ordinary), now: now)
        #expect(machine.progress.need == .compare(reason: "ann asked"))
        #expect(machine.startsAt == now)
    }

    @Test func `an older word of the registry is ignored`() {
        var machine = CycleStateMachine(
            entry: Samples.entry(.protected, version: 5), binding: .known(Samples.settings()),
            progress: Samples.progress(), now: now)
        _ = machine.handle(.listed(Samples.entry(.paused, version: 4), .ordinary), now: now)
        #expect(machine.standing == .run)
    }

    @Test func `an answer that makes no sense is a failed cycle`() throws {
        var (machine, actions) = begun()
        var capture = Samples.capture(8)
        capture.disks[0].changed = [1 << 40, 0, 0]
        actions = try answer(&machine, actions, .success(.captureOpened(capture)))
        #expect(calls(actions) == [.closeAbandoned(cycle: 8, keep: 7)])
        #expect(machine.status.failuresInARow == 1)
    }

    @Test func `a clean-up is repeated through silence, and not for ever through refusals`() throws {
        var (machine, actions) = begun()
        actions = try answer(&machine, actions, .failure(silence))
        var time = now
        for _ in 0..<20 {
            _ = machine.handle(.answered(try number(actions), .failure(silence)), now: time)
            time = try #require(machine.wakesAt)
            actions = machine.handle(.timePassed, now: time)
            #expect(calls(actions) == [.closeAbandoned(cycle: 8, keep: 7)])
        }
        for round in 1...PolicyLimits.cleanupRefusalsMaximum {
            _ = machine.handle(.answered(try number(actions), .failure(PolicyError(.conflict, "busy"))), now: time)
            guard round < PolicyLimits.cleanupRefusalsMaximum else { break }
            time = try #require(machine.wakesAt)
            actions = machine.handle(.timePassed, now: time)
        }
        #expect(machine.phase == .resting)
    }

    private func callNumber(_ actions: [CycleAction], _ wanted: AgentCall) -> CallNumber? {
        for case .call(let number, _, _, wanted) in actions { return number }
        return nil
    }
}
