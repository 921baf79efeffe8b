import Testing

@testable import MessageBus

@Suite struct PeerAddressStateMachineTests {
    private let start = ContinuousClock.now
    private let first = "tcp://10.0.0.1:7701"
    private let second = "tcp://10.0.0.2:7701"

    private func at(_ seconds: Double) -> ContinuousClock.Instant { start + .seconds(seconds) }

    private func machine() -> PeerAddressStateMachine {
        PeerAddressStateMachine("tcp://vault:7701", limits: NameLimits(), now: start)
    }

    private func ask(
        _ machine: inout PeerAddressStateMachine, _ now: ContinuousClock.Instant
    ) throws -> PeerAddressStateMachine.Question {
        let question = machine.timePassed(now: now)
        return try #require(question)
    }

    /// Connected to 10.0.0.1 since 0 s.
    private func connectedMachine() throws -> PeerAddressStateMachine {
        var machine = machine()
        let question = try ask(&machine, start)
        #expect(machine.answered(question, .addresses(["10.0.0.1"]), now: start) == .connect(first))
        #expect(machine.reported(.connected, at: first, now: start) == true)
        machine.checkInvariants()
        return machine
    }

    @Test func aNumericEndpointIsNeverLookedUp() {
        var machine = PeerAddressStateMachine("tcp://10.0.0.1:7701", limits: NameLimits(), now: start)
        #expect(machine.nextWake == nil)
        #expect(machine.timePassed(now: at(1_000)) == nil)
        #expect(machine.reported(.connected, at: "tcp://10.0.0.1:7701", now: start) == true)
        #expect(machine.reported(.disconnected, at: "tcp://10.0.0.1:7701", now: start) == true)
        #expect(machine.nextWake == nil)
        machine.checkInvariants()
    }

    @Test func aNameIsAskedForAtOnceAndOnce() {
        var machine = machine()
        #expect(machine.nextWake == start)
        #expect(machine.timePassed(now: start)?.host == "vault")
        #expect(machine.timePassed(now: start) == nil)
        #expect(machine.timePassed(now: at(2.9)) == nil)
        machine.checkInvariants()
    }

    @Test func whatIsConnectedIsNotLookedUpAgain() throws {
        var machine = try connectedMachine()
        #expect(machine.nextWake == nil)
        #expect(machine.timePassed(now: at(1_000)) == nil)
    }

    @Test func aLostPeerIsLookedUpAndFollowedToItsNewAddress() throws {
        var machine = try connectedMachine()
        #expect(machine.reported(.disconnected, at: first, now: at(60)) == true)
        let question = try ask(&machine, at(60))
        #expect(machine.answered(question, .addresses(["10.0.0.2"]), now: at(60)) == .replace(first, by: second))
        // libzmq had connected to the old address again before it was told.
        #expect(machine.reported(.connected, at: first, now: at(60)) == false)
        #expect(machine.nextWake != nil)
        #expect(machine.reported(.connected, at: second, now: at(60)) == true)
        #expect(machine.nextWake == nil)
        machine.checkInvariants()
    }

    @Test func aLostPeerThatIsWhereItWasIsLeftToLibzmq() throws {
        var machine = try connectedMachine()
        #expect(machine.reported(.disconnected, at: first, now: at(60)) == true)
        let question = try ask(&machine, at(60))
        #expect(machine.answered(question, .addresses(["10.0.0.2", "10.0.0.1"]), now: at(60)) == .stay)
        #expect(machine.reported(.connected, at: first, now: at(61)) == true)
        #expect(machine.nextWake == nil)
    }

    @Test func aResolverThatIsAwayDoesNotKeepAPeerFromComingBack() throws {
        var machine = try connectedMachine()
        #expect(machine.reported(.disconnected, at: first, now: at(60)) == true)
        let question = try ask(&machine, at(60))
        #expect(machine.answered(question, .failed("no server"), now: at(60)) == .stay)
        #expect(machine.failure == "no server")
        #expect(machine.reported(.connected, at: first, now: at(61)) == true)
        #expect(machine.nextWake == nil)
    }

    /// Otherwise commands would go on to whoever has the address now.
    @Test func aStrangerAtTheOldAddressIsLeft() throws {
        var machine = try connectedMachine()
        #expect(machine.reported(.disconnected, at: first, now: at(60)) == true)
        let question = try ask(&machine, at(60))
        #expect(machine.reported(.connected, at: first, now: at(60.1)) == true)
        #expect(machine.answered(question, .addresses(["10.0.0.2"]), now: at(60.2)) == .replace(first, by: second))
        machine.checkInvariants()
    }

    @Test func afterAFailureThePausesDoubleUpToTwoSeconds() throws {
        var machine = machine()
        var now = start
        for pause in [0.5, 1, 2, 2, 2] {
            let question = try ask(&machine, now)
            #expect(machine.answered(question, .failed("unknown"), now: now) == .stay)
            #expect(machine.nextWake == now + .seconds(pause))
            #expect(machine.timePassed(now: now + .seconds(pause - 0.1)) == nil)
            now += .seconds(pause)
            machine.checkInvariants()
        }
    }

    @Test func withoutAnAnswerItIsAskedAnewAndALateAnswerIsTaken() throws {
        var machine = machine()
        let question = try ask(&machine, start)
        #expect(machine.timePassed(now: at(3)) == nil)
        #expect(machine.failure != nil)
        let again = try ask(&machine, at(3.5))
        #expect(again.number == question.number + 1)
        #expect(machine.answered(question, .addresses(["10.0.0.1"]), now: at(4)) == .connect(first))
        #expect(machine.failure == nil)
        machine.checkInvariants()
        // The answer to the newer question counts more.
        #expect(machine.answered(again, .addresses(["10.0.0.2"]), now: at(5)) == .replace(first, by: second))
    }

    @Test func anOvertakenAnswerIsIgnored() throws {
        var machine = machine()
        let question = try ask(&machine, start)
        _ = machine.timePassed(now: at(3))
        let again = try ask(&machine, at(3.5))
        #expect(machine.answered(again, .addresses(["10.0.0.2"]), now: at(4)) == .connect(second))
        #expect(machine.answered(question, .addresses(["10.0.0.1"]), now: at(5)) == .stay)
        #expect(machine.answered(question, .failed("late"), now: at(5)) == .stay)
        #expect(machine.failure == nil)
    }

    @Test func anAddressThatCannotBeReachedGivesWayToTheNext() throws {
        var machine = machine()
        let both = NameResolver.Outcome.addresses(["10.0.0.1", "10.0.0.2"])
        let question = try ask(&machine, start)
        #expect(machine.answered(question, both, now: start) == .connect(first))
        #expect(machine.timePassed(now: at(2.9)) == nil)
        let again = try ask(&machine, at(3))
        #expect(machine.answered(again, both, now: at(3)) == .replace(first, by: second))
        let third = try ask(&machine, at(6))
        #expect(machine.answered(third, both, now: at(6)) == .replace(second, by: first))
        machine.checkInvariants()
    }

    @Test func aConnectionLostAgainAndAgainIsAskedForOnceAPause() throws {
        var machine = try connectedMachine()
        #expect(machine.reported(.disconnected, at: first, now: at(0.1)) == true)
        #expect(machine.timePassed(now: at(0.4)) == nil)
        #expect(machine.timePassed(now: at(0.5)) != nil)
        #expect(machine.reported(.disconnected, at: first, now: at(0.6)) == true)
        #expect(machine.timePassed(now: at(0.7)) == nil)
        machine.checkInvariants()
    }

    @Test func anAddressThatTheSocketDoesNotTakeIsAskedForAgain() throws {
        var machine = machine()
        let question = try ask(&machine, start)
        #expect(machine.answered(question, .addresses(["10.0.0.1"]), now: start) == .connect(first))
        machine.couldNotConnect("no more descriptors", now: start)
        #expect(machine.failure == "no more descriptors")
        let again = try ask(&machine, at(0.5))
        #expect(machine.answered(again, .addresses(["10.0.0.1"]), now: at(0.5)) == .connect(first))
    }

    @Test func reportsBeforeThereIsAnAddressAreOfNobody() throws {
        var machine = machine()
        #expect(machine.reported(.connected, at: first, now: start) == false)
        _ = machine.timePassed(now: start)
        #expect(machine.reported(.disconnected, at: first, now: start) == false)
        machine.checkInvariants()
    }
}
