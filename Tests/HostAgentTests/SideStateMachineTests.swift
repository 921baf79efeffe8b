import Testing

@testable import HostAgent

/// Every order and every sight of the guest, at either side.
@Suite struct SideStateMachineTests {
    private typealias Order = SideStateMachine.Order
    private typealias Seen = SideStateMachine.Observation

    private func order(
        _ generation: UInt64, _ standing: SideStateMachine.Standing, guest: String = "g", host: String = "b"
    ) -> Order {
        Order(guest: guest, generation: generation, standing: standing, activeHost: host)
    }

    // MARK: Orders

    @Test(arguments: [SideStateMachine.Standing.active, .passive(.alarm), .passive(.disconnect), .passive(.shutDown)])
    func onlyANewerGenerationChangesTheSide(standing: SideStateMachine.Standing) {
        for known in [SideStateMachine.Standing.active, .passive(.alarm)] {
            var side = SideStateMachine(order(5, known))
            let before = side
            #expect(side.learn(order(4, standing)) == .older(seen: 5))
            #expect(side == before)
            #expect(side.learn(order(9, standing, guest: "other")) == .otherGuest(known: "g"))
            #expect(side == before)
            #expect(side.learn(order(6, standing)) == .newer)
            #expect(side.generation == 6 && side.standing == standing)
        }
    }

    @Test func theSameGenerationMayChangeTheFenceAndNothingElse() {
        var side = SideStateMachine(order(5, .passive(.alarm)))
        #expect(side.learn(order(5, .passive(.alarm))) == .same)
        #expect(side.learn(order(5, .passive(.shutDown))) == .otherFence)
        #expect(side.standing == .passive(.shutDown))
        #expect(side.learn(order(5, .active)) == .contradicts)
        #expect(side.standing == .passive(.shutDown))
        var active = SideStateMachine(order(5, .active))
        #expect(active.learn(order(5, .active)) == .same)
        #expect(active.learn(order(5, .passive(.shutDown))) == .contradicts)
        #expect(active.isActive)
    }

    @Test func whoIsNotActiveMayNotRunTheGuest() throws {
        let passive = SideStateMachine(order(5, .passive(.alarm)))
        #expect(throws: HostAgentError.self) { try passive.requireActive(generation: 5) }
        #expect(throws: HostAgentError.self) { try passive.requireActive(generation: 6) }
        let active = SideStateMachine(order(5, .active))
        try active.requireActive(generation: 5)
        try active.requireActive(generation: 6)
        #expect(throws: HostAgentError.self) { try active.requireActive(generation: 4) }
    }

    // MARK: What is done about the guest

    /// Until they are brought to the point, disks that are the base of a replica hold an older one.
    @Test func aGuestWhoseDisksAreABaseDoesNotStartWithItsHost() {
        var side = SideStateMachine(order(2, .passive(.alarm)))
        #expect(side.act(on: Seen(power: .off, autostart: true)) == [.switchAutostart(false)])
        #expect(side.learn(order(3, .active)) == .newer)
        #expect(side.act(on: Seen(power: .off, autostart: false, isBase: true)) == [])
        #expect(side.act(on: Seen(power: .off, autostart: true, isBase: true)) == [.switchAutostart(false)])
        #expect(side.autostart == .withheld(before: true))
        #expect(side.act(on: Seen(power: .on, autostart: false)) == [.switchAutostart(true)])
    }

    @Test(arguments: [
        (SideStateMachine.Fence.alarm, [SideStateMachine.Action]()), (.disconnect, [.cutLinks]),
        (.shutDown, [.shutDown]),
    ])
    func aGuestThatRunsAllTheSameIsTreatedByTheFence(
        fence: SideStateMachine.Fence, actions: [SideStateMachine.Action]
    ) {
        var side = SideStateMachine(order(2, .passive(fence)))
        #expect(side.act(on: Seen(power: .off, autostart: false)) == [])
        #expect(side.alarm(Seen(power: .off, autostart: false)) == nil)
        #expect(side.act(on: Seen(power: .on, autostart: false)) == actions)
        let alarm = side.alarm(Seen(power: .on, autostart: false))
        #expect(alarm?.contains("generation 2") == true && alarm?.contains("host b") == true)
    }

    /// It was never told to run here, so it is somebody else's.
    @Test(arguments: SideStateMachine.Fence.allCases)
    func atTheFirstGenerationAGuestIsToldOfAndLeftAlone(fence: SideStateMachine.Fence) {
        var side = SideStateMachine(order(1, .passive(fence)))
        #expect(side.act(on: Seen(power: .on, autostart: true)) == [])
        #expect(side.autostart == .untouched)
        #expect(side.alarm(Seen(power: .on, autostart: true)) != nil)
    }

    @Test(arguments: [true, false])
    func autostartIsAsItWasWhenTheSideIsActiveAgain(before: Bool) {
        var side = SideStateMachine(order(2, .passive(.alarm)))
        let off: [SideStateMachine.Action] = before ? [.switchAutostart(false)] : []
        #expect(side.act(on: Seen(power: .off, autostart: before)) == off)
        // It is noted before it is switched off, and being killed in between forgets nothing.
        #expect(side.autostart == .withheld(before: before))
        #expect(side.act(on: Seen(power: .off, autostart: before)) == off)
        for action in off { side.did(action) }
        #expect(side.autostart == .withheld(before: before))
        // Somebody switches it on again.
        #expect(side.act(on: Seen(power: .off, autostart: true)) == [.switchAutostart(false)])
        #expect(side.learn(order(3, .active)) == .newer)
        let back: [SideStateMachine.Action] = before ? [.switchAutostart(true)] : []
        #expect(side.act(on: Seen(power: .off, autostart: false)) == back)
        for action in back { side.did(action) }
        #expect(side.autostart == .untouched)
        #expect(side.act(on: Seen(power: .off, autostart: before)) == [])
    }

    @Test func linksAreCutAtEachStartAndJoinedWhenTheSideIsActiveAgain() {
        var side = SideStateMachine(order(2, .passive(.disconnect)))
        let on = Seen(power: .on, autostart: false)
        #expect(side.act(on: on) == [.cutLinks])
        side.did(.cutLinks)
        #expect(side.act(on: on) == [])
        side.guestStarted()
        #expect(side.act(on: on) == [.cutLinks])
        side.did(.cutLinks)
        #expect(side.learn(order(3, .active)) == .newer)
        #expect(side.act(on: on) == [.joinLinks])
        side.did(.joinLinks)
        #expect(side.act(on: on) == [])
    }
}
