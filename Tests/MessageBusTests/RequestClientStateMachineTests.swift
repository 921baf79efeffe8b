import Testing

@testable import MessageBus
@testable import Messages

@Suite struct RequestClientStateMachineTests {
    private let start = ContinuousClock.now
    private let first = OperationIdentifier(high: 0, low: 1)
    private let second = OperationIdentifier(high: 0, low: 2)

    private func at(_ seconds: Double) -> ContinuousClock.Instant { start + .seconds(seconds) }

    private func machine(_ change: (inout RequestClientLimits) -> Void = { _ in }) -> RequestClientStateMachine {
        var limits = RequestClientLimits()
        change(&limits)
        var machine = RequestClientStateMachine(endpoint: "tcp://x:1", limits: limits, now: start)
        machine.connected()
        return machine
    }

    /// Everything that can go out now goes out.
    private func sendAll(
        _ machine: inout RequestClientStateMachine, at now: ContinuousClock.Instant
    ) -> [OperationIdentifier] {
        var sent: [OperationIdentifier] = []
        while let next = machine.nextToSend() {
            machine.sent(next.operation, now: now)
            sent.append(next.operation)
        }
        machine.checkInvariants()
        return sent
    }

    @Test func nothingIsSentWithoutAConnection() {
        var machine = RequestClientStateMachine(endpoint: "e", limits: .init(), now: start)
        #expect(machine.begin(first, deadline: at(10)) == .begun)
        #expect(machine.nextToSend() == nil)
        machine.connected()
        #expect(sendAll(&machine, at: start) == [first])
    }

    @Test func callsGoOutInTheirOrderOnce() {
        var machine = machine()
        _ = machine.begin(first, deadline: at(10))
        _ = machine.begin(second, deadline: at(10))
        #expect(sendAll(&machine, at: start) == [first, second])
        #expect(sendAll(&machine, at: start) == [])
    }

    @Test func anUnansweredCallIsRepeatedAfter1248Seconds() {
        var machine = machine()
        _ = machine.begin(first, deadline: at(100))
        #expect(sendAll(&machine, at: at(0)) == [first])
        for time in [1.0, 3, 7, 15, 23, 31] {
            #expect(machine.timePassed(now: at(time - 0.1)).isEmpty)
            #expect(sendAll(&machine, at: at(time - 0.1)) == [])
            #expect(machine.timePassed(now: at(time)).isEmpty)
            #expect(machine.nextToSend()?.isRepetition == true)
            #expect(sendAll(&machine, at: at(time)) == [first])
        }
    }

    @Test func aReplyEndsTheCallAndASecondOneIsStray() {
        var machine = machine()
        _ = machine.begin(first, deadline: at(10))
        _ = sendAll(&machine, at: start)
        #expect(machine.replied(first, error: nil) == true)
        #expect(machine.replied(first, error: nil) == false)
        #expect(machine.strayReplies == 1)
        #expect(machine.callsInFlight == 0)
    }

    @Test func aCallNeverSentIsUnavailableAtItsDeadline() throws {
        var machine = RequestClientStateMachine(endpoint: "e", limits: .init(), now: start)
        _ = machine.begin(first, deadline: at(5))
        #expect(machine.timePassed(now: at(4.9)).isEmpty)
        let over = machine.timePassed(now: at(5))
        #expect(over.map(\.0) == [first])
        #expect(over[0].1.code == .unavailable)
    }

    @Test func aCallSentButUnansweredIsDeadlineExceeded() {
        var machine = machine()
        _ = machine.begin(first, deadline: at(5))
        _ = sendAll(&machine, at: start)
        _ = machine.timePassed(now: at(1))
        let over = machine.timePassed(now: at(5))
        #expect(over.map(\.1.code) == [.deadlineExceeded])
        machine.checkInvariants()
    }

    @Test func aLostConnectionMakesSentCallsUnsent() {
        var machine = machine()
        _ = machine.begin(first, deadline: at(10))
        _ = sendAll(&machine, at: start)
        machine.disconnected()
        machine.checkInvariants()
        #expect(machine.nextToSend() == nil)
        machine.connected()
        #expect(sendAll(&machine, at: at(0.1)) == [first])
    }

    @Test(arguments: [BusRefusal.full, .stopping])
    func aRefusalByTheServersBusIsRepeatedAndReportedOnlyAtTheEnd(refusal: BusRefusal) {
        var machine = machine()
        _ = machine.begin(first, deadline: at(5))
        _ = sendAll(&machine, at: start)
        let error = RemoteError(.resourceExhausted, "full", facts: [BusRefusal.fact: refusal.rawValue])
        #expect(machine.replied(first, error: error) == false)
        _ = machine.timePassed(now: at(1))
        #expect(sendAll(&machine, at: at(1)) == [first])
        #expect(machine.replied(first, error: error) == false)
        #expect(machine.timePassed(now: at(5)).map(\.1) == [error])
    }

    @Test func aCallThatWasSentAgainAfterARefusalMayHaveHappened() {
        var machine = machine()
        _ = machine.begin(first, deadline: at(5))
        _ = sendAll(&machine, at: start)
        let error = RemoteError(.resourceExhausted, "full", facts: [BusRefusal.fact: BusRefusal.full.rawValue])
        _ = machine.replied(first, error: error)
        _ = machine.timePassed(now: at(1))
        #expect(sendAll(&machine, at: at(1)) == [first])
        let over = machine.timePassed(now: at(5)).map(\.1)
        #expect(over.map(\.code) == [.deadlineExceeded] && over.first?.facts["times_sent"] == "2")
    }

    @Test func tooManyCallsAndASecondUseOfAnIdentifierAreRefused() {
        var machine = machine { $0.callsInFlight = 1 }
        #expect(machine.begin(first, deadline: at(5)) == .begun)
        guard case .refused(let full) = machine.begin(second, deadline: at(5)) else {
            Issue.record("a call beyond the limit was accepted")
            return
        }
        #expect(full.code == .resourceExhausted)
        machine = self.machine()
        _ = machine.begin(first, deadline: at(5))
        guard case .refused(let twice) = machine.begin(first, deadline: at(5)) else {
            Issue.record("an identifier was used twice at once")
            return
        }
        #expect(twice.code == .alreadyExists)
    }

    @Test func cancellingForgetsTheCall() {
        var machine = machine()
        _ = machine.begin(first, deadline: at(5))
        #expect(machine.cancelled(first) == true)
        #expect(machine.cancelled(first) == false)
        #expect(sendAll(&machine, at: start) == [])
    }
}
