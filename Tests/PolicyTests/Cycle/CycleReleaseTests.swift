import Testing

@testable import Policy

/// Unprotecting: what both sides are asked, until when, and what ends it.
@Suite struct CycleReleaseTests {
    let now = Samples.start

    @Test func `unprotecting cleans both sides and then waits for the vault`() throws {
        var machine = CycleStateMachine(
            entry: Samples.entry(.protected), binding: .known(Samples.settings()), progress: Samples.progress(),
            now: now)
        let actions = machine.handle(.listed(Samples.entry(.disabling, version: 2), .ordinary), now: now)
        #expect(calls(actions) == [.releaseSource(guestUUID: Samples.entry().guestUUID), .deleteReplica])
        for call in calls(actions) {
            _ = machine.handle(.answered(try #require(callNumber(actions, call)), .success(.done)), now: now)
        }
        #expect(machine.phase == .released)
        let last = machine.handle(.unlisted, now: now)
        #expect(machine.phase == .forgotten)
        guard case .store(.forget)? = last.first else { return #expect(Bool(false)) }
    }

    @Test func `unprotecting can leave the replica`() throws {
        var entry = Samples.entry(.disabling, version: 2)
        entry.keepReplica = true
        var machine = CycleStateMachine(
            entry: Samples.entry(.protected), binding: .unknown(name: "gone"), progress: Samples.progress(), now: now)
        let actions = machine.handle(.listed(entry, .ordinary), now: now)
        // The target, too, has to forget that it is a side.
        #expect(calls(actions) == Array(repeating: .releaseSource(guestUUID: entry.guestUUID), count: 2))
    }

    /// A guest or a test that runs there may run for days. What is left behind then could not be cleaned up any more.
    @Test func `a side that is not ready to let go is asked until it is`() throws {
        var (machine, actions) = releasing()
        _ = machine.handle(
            .answered(
                try #require(callNumber(actions, .releaseSource(guestUUID: machine.entry.guestUUID))), .success(.done)),
            now: now)
        #expect(machine.obstacle == nil)
        var later = now
        let refusal = PolicyError(.failedPrecondition, "A test runs from the replica.", remedy: "Clean it up first.")
        for _ in 0..<PolicyLimits.cleanupRefusalsMaximum * 4 {
            let call = try #require(callNumber(actions, .deleteReplica))
            _ = machine.handle(.answered(call, .failure(refusal)), now: later)
            #expect(machine.phase != .released)
            #expect(machine.obstacle == .init(host: "h2", error: refusal))
            later = later + 600_000
            actions = machine.handle(.timePassed, now: later)
        }
        let call = try #require(callNumber(actions, .deleteReplica))
        _ = machine.handle(.answered(call, .success(.done)), now: later)
        #expect(machine.phase == .released)
    }

    /// `bascule recover` at the target: the vault takes the protection out of disabling, and its life goes on.
    @Test(arguments: [false, true])
    func `a guest that is started from the replica meanwhile ends the release`(isReleased: Bool) throws {
        var (machine, actions) = releasing()
        if isReleased {
            for call in calls(actions) {
                _ = machine.handle(.answered(try #require(callNumber(actions, call)), .success(.done)), now: now)
            }
            #expect(machine.phase == .released)
        }
        var taken = Samples.entry(.commitPending, version: 3)
        taken.generation = 2
        actions = machine.handle(.listed(taken, .ordinary), now: now)
        #expect(machine.phase == .resting && calls(actions).isEmpty)
        // Reversed, it is replicated again.
        var reversed = Samples.entry(.reversing, version: 4)
        reversed.generation = 2
        swap(&reversed.sourceHost, &reversed.targetHost)
        _ = machine.handle(.listed(reversed, .ordinary), now: now)
        #expect(machine.startsAt != nil)
    }

    private func releasing() -> (machine: CycleStateMachine, actions: [CycleAction]) {
        var machine = CycleStateMachine(
            entry: Samples.entry(.protected), binding: .known(Samples.settings()), progress: Samples.progress(),
            now: now)
        let actions = machine.handle(.listed(Samples.entry(.disabling, version: 2), .ordinary), now: now)
        return (machine, actions)
    }

    private func calls(_ actions: [CycleAction]) -> [AgentCall] {
        actions.compactMap { action in
            guard case .call(_, _, _, let call) = action else { return nil }
            return call
        }
    }

    private func callNumber(_ actions: [CycleAction], _ wanted: AgentCall) -> CallNumber? {
        for case .call(let number, _, _, wanted) in actions { return number }
        return nil
    }
}
