import Testing

@testable import Policy

/// The consistency of a cycle that somebody asked for is owed until one that began after it has a point.
@Suite struct AskedConsistencyTests {
    let now = Samples.start

    func machine(_ progress: ProtectionProgress = Samples.progress(), _ state: ProtectionEntry.State = .protected)
        -> CycleStateMachine
    {
        CycleStateMachine(
            entry: Samples.entry(state), binding: .known(Samples.settings()), progress: progress, now: now)
    }

    /// Begins the next cycle.
    ///
    /// - Returns: what its capture is asked to reach, and the number of that question.
    func begin(_ machine: inout CycleStateMachine) throws -> (wanted: Consistency, number: CallNumber) {
        for case .call(let number, _, _, .openCapture(let order)) in machine.start(now: now) {
            return (order.consistency, number)
        }
        throw PolicyError(.internal, "no capture was asked for")
    }

    /// Each question of these is answered with "done".
    func settle(_ machine: inout CycleStateMachine, _ actions: [CycleAction]) {
        for case .call(let number, _, _, _) in actions {
            _ = machine.handle(.answered(number, .success(.done)), now: now)
        }
    }

    @Test func `it is asked of the next cycle alone`() throws {
        var machine = machine()
        #expect(try begin(&machine).wanted == .crash)
        machine = self.machine()
        _ = machine.handle(.triggered(.application), now: now)
        let (wanted, number) = try begin(&machine)
        #expect(wanted == .application)
        var actions = machine.handle(
            .answered(number, .success(.captureOpened(Samples.capture(8, changed: [0, 0, 0])))), now: now)
        for answer in [AgentAnswer.cycleOpened(Samples.door), .committed(storedBytes: 1), .done] {
            guard case .call(let number, _, _, _)? = actions.last(where: { if case .call = $0 { true } else { false } })
            else { throw PolicyError(.internal, "nothing was asked") }
            actions = machine.handle(.answered(number, .success(answer)), now: now)
        }
        #expect(machine.phase == .resting && machine.progress.asked.isNo)
        #expect(try begin(&machine).wanted == .crash)
    }

    static let endings = [
        PolicyError(.unavailable, "The host does not answer."),
        PolicyError(.failedPrecondition, "QEMU was killed", facts: ["needs": "compare"]),
    ]

    @Test(arguments: endings)
    func `a cycle that ends without a point leaves it to the next`(ending: PolicyError) throws {
        var machine = machine()
        _ = machine.handle(.triggered(.application), now: now)
        let number = try begin(&machine).number
        settle(&machine, machine.handle(.answered(number, .failure(ending)), now: now))
        #expect(machine.phase == .resting)
        #expect(try begin(&machine).wanted == .application)
    }

    @Test func `it outlives a restart, before its cycle begins and during it`() throws {
        var first = machine()
        _ = first.handle(.triggered(.application), now: now)
        var again = machine(first.progress)
        #expect(try begin(&again).wanted == .application)
        let begun = first.start(now: now)
        guard case .store(.putProgress(let stored)) = begun[0], case .store(.putOpenCycle(let record)) = begun[1] else {
            throw PolicyError(.internal, "another order")
        }
        var third = machine(stored)
        settle(&third, third.recover(record, now: now))
        #expect(try begin(&third).wanted == .application)
    }

    @Test func `who asks for nothing special takes nothing away, and who asks for less does`() throws {
        var machine = machine()
        _ = machine.handle(.triggered(.application), now: now)
        _ = machine.handle(.triggered(nil), now: now)
        var other = machine
        #expect(try begin(&machine).wanted == .application)
        _ = other.handle(.triggered(.crash), now: now)
        #expect(try begin(&other).wanted == .crash)
    }

    @Test func `a pause ends the wish`() throws {
        var machine = machine()
        _ = machine.handle(.triggered(.application), now: now)
        let number = try begin(&machine).number
        let refused = PolicyError(.unavailable, "The host does not answer.")
        settle(&machine, machine.handle(.answered(number, .failure(refused)), now: now))
        for (version, state) in [(UInt64(2), ProtectionEntry.State.paused), (3, .protected)] {
            _ = machine.handle(.listed(Samples.entry(state, version: version), .ordinary), now: now)
        }
        #expect(try begin(&machine).wanted == .crash)
    }
}
