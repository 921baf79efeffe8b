import Messages
import Testing

@testable import MessageBus

/// What a request server makes of each message, without sockets and clock.
@Suite struct RequestServerStateMachineTests {
    private typealias Action = RequestServerStateMachine.Action

    private let now = ContinuousClock().now
    private let alice = PeerIdentity([1])
    private let bob = PeerIdentity([2])

    private func machine(_ change: (inout RequestServerLimits) -> Void = { _ in }) -> RequestServerStateMachine {
        var limits = RequestServerLimits()
        change(&limits)
        return RequestServerStateMachine(name: "test", limits: limits)
    }

    private func request(_ number: UInt64, timeLeft: Duration = .seconds(5)) -> Envelope {
        Envelope.request(
            .vaultRequest(VaultRequest()), operation: OperationIdentifier(high: 0, low: number), timeLeft: timeLeft,
            generation: 3, trace: "t", sender: "cli/test")
    }

    private func operation(_ number: UInt64) -> OperationIdentifier { OperationIdentifier(high: 0, low: number) }

    private func address(_ peer: PeerIdentity, hasEmptyFrame: Bool = false) -> ReplyAddress {
        ReplyAddress(peer: peer, hasEmptyFrame: hasEmptyFrame)
    }

    /// The error that an action answers with, and to whom.
    private func refusal(_ action: Action) throws -> (to: ReplyAddress, envelope: Envelope, error: RemoteError) {
        guard case .answer(let address, let bytes) = action else {
            throw Unexpected(description: "not an answer: \(action)")
        }
        let envelope = try Envelope.decode(bytes)
        guard case .error(let error) = envelope.body else {
            throw Unexpected(description: "not an error: \(String(describing: envelope.body))")
        }
        return (address, envelope, RemoteError(wire: error))
    }

    private struct Unexpected: Error, CustomStringConvertible {
        let description: String
    }

    // MARK: Frames

    @Test func aDealerAndAREQAreHeardAndAnsweredInTheirOwnFrames() {
        var server = machine()
        let first = server.received([request(1).encoded()], hasMore: false, from: alice, now: now)
        #expect(first == .handle(request(1), deadline: now + .seconds(5)))
        let second = server.received([[], request(2).encoded()], hasMore: false, from: alice, now: now)
        #expect(second == .handle(request(2), deadline: now + .seconds(5)))
        #expect(server.finished(operation(1), reply: [1], remember: true) == [address(alice)])
        #expect(server.finished(operation(2), reply: [2], remember: true) == [address(alice, hasEmptyFrame: true)])
        #expect(server.statistics.handled == 2)
    }

    @Test func anyOtherNumberOfFramesIsRefusedAndNothingIsHandled() throws {
        var server = machine()
        let good = request(1).encoded()
        let wrong: [([[UInt8]], Bool)] = [
            ([], false), ([good], true), ([good, good], false), ([[], good], true), ([[], [], good], false),
            ([[0], good], false),
        ]
        for (frames, hasMore) in wrong {
            let answer = try refusal(server.received(frames, hasMore: hasMore, from: alice, now: now))
            #expect(answer.error.code == .invalidArgument && !answer.error.remedy.isEmpty)
            // It belongs to no request.
            #expect(answer.envelope.operationID.allSatisfy { $0 == 0 } && answer.to == address(alice))
        }
        #expect(server.statistics.wronglyFramed == wrong.count && server.statistics.handled == 0)
        #expect(server.cache.inFlight == 0)
    }

    // MARK: Envelopes

    @Test func whatIsNoEnvelopeIsRefused() throws {
        var server = machine()
        #expect(
            try refusal(server.received([[0xff, 0xff]], hasMore: false, from: alice, now: now)).error.code
                == .invalidArgument)
        var version = request(1)
        version.protocolVersion = 2
        let answer = try refusal(server.received([version.encoded()], hasMore: false, from: alice, now: now))
        #expect(answer.error.code == .unsupportedVersion && answer.envelope.operation == operation(1))
        var short = request(1)
        short.operationID.removeLast()
        let unnamed = try refusal(server.received([short.encoded()], hasMore: false, from: alice, now: now))
        #expect(unnamed.error.code == .invalidArgument && unnamed.envelope.operationID.allSatisfy { $0 == 0 })
        #expect(server.statistics.malformed == 3 && server.statistics.handled == 0)
    }

    @Test func aHeartbeatIsAnsweredAndNotHandled() throws {
        var server = machine()
        var beat = request(1)
        beat.body = .heartbeat(Heartbeat())
        guard case .answer(let to, let bytes) = server.received([beat.encoded()], hasMore: false, from: bob, now: now)
        else {
            Issue.record("a heartbeat is answered")
            return
        }
        #expect(to == address(bob))
        #expect(try Envelope.decode(bytes).body == .heartbeat(Heartbeat()))
        #expect(server.cache.inFlight == 0 && server.cache.remembered == 0)
    }

    @Test func whatIsNoRequestIsRefused() throws {
        let bodies: [Envelope.OneOf_Body?] = [
            .error(.init()), .healthReply(.init()), .vaultReply(.init()), .vaultEvent(.init()), .policyReply(.init()),
            .agentReply(.init()), .orchestratorReply(.init()),
        ]
        var server = machine()
        for body in bodies {
            var envelope = request(1)
            envelope.body = body
            let answer = try refusal(server.received([envelope.encoded()], hasMore: false, from: alice, now: now))
            #expect(answer.error.code == .invalidArgument && answer.envelope.operation == operation(1))
            // The generation comes back, as the page says.
            #expect(answer.envelope.generation == 3)
        }
        #expect(server.statistics.malformed == bodies.count && server.cache.inFlight == 0)
    }

    // MARK: Deadlines

    @Test func aDeadlineIsTheCallersWithinBounds() {
        var server = machine()
        func deadline(_ number: UInt64, _ timeLeft: UInt32) -> Duration? {
            var envelope = request(number)
            envelope.timeLeftMs = timeLeft
            guard
                case .handle(_, let deadline) = server.received(
                    [envelope.encoded()], hasMore: false, from: alice, now: now)
            else { return nil }
            return deadline - now
        }
        #expect(deadline(1, 1) == .milliseconds(1))
        #expect(deadline(2, 0) == .seconds(60))
        #expect(deadline(3, .max) == .seconds(3_600))
    }

    // MARK: Repetitions

    @Test func aRepetitionJoinsAndIsAnsweredOnceWithTheSame() {
        var server = machine()
        let bytes = request(1).encoded()
        _ = server.received([bytes], hasMore: false, from: alice, now: now)
        #expect(server.received([bytes], hasMore: false, from: alice, now: now) == .nothing)
        #expect(server.received([[], bytes], hasMore: false, from: bob, now: now) == .nothing)
        #expect(server.statistics.joined == 2 && server.statistics.handled == 1)
        #expect(
            server.finished(operation(1), reply: [9], remember: true)
                == [address(alice), address(bob, hasEmptyFrame: true)])
        #expect(
            server.received([bytes], hasMore: false, from: bob, now: now) == .answer(address(bob), [9]))
        #expect(server.statistics.answeredAgain == 1 && server.statistics.handled == 1)
    }

    @Test func whatIsNotRememberedIsHandledAgain() {
        var server = machine()
        let bytes = request(1).encoded()
        _ = server.received([bytes], hasMore: false, from: alice, now: now)
        _ = server.finished(operation(1), reply: [9], remember: false)
        #expect(
            server.received([bytes], hasMore: false, from: alice, now: now)
                == .handle(request(1), deadline: now + .seconds(5)))
    }

    // MARK: Bounds

    @Test func oneConnectionDoesNotTakeEveryPlaceAndARefusedRequestIsNotRemembered() throws {
        var server = machine {
            $0.requestsInFlight = 5
            $0.requestsInFlightPerPeer = 3
        }
        for number in UInt64(1)...3 {
            _ = server.received([request(number).encoded()], hasMore: false, from: alice, now: now)
        }
        let refused = try refusal(server.received([request(4).encoded()], hasMore: false, from: alice, now: now))
        #expect(refused.error.code == .resourceExhausted && refused.error.facts["bus"] == "full")
        #expect(refused.error.facts["of_this_connection"] == "3" && refused.envelope.operation == operation(4))
        for number in UInt64(5)...6 {
            let action = server.received([request(number).encoded()], hasMore: false, from: bob, now: now)
            #expect(action == .handle(request(number), deadline: now + .seconds(5)))
        }
        let full = try refusal(server.received([request(7).encoded()], hasMore: false, from: bob, now: now))
        #expect(full.error.facts["in_flight"] == "5" && full.error.facts["of_this_connection"] == "2")
        #expect(server.statistics.refusedFull == 2)
        // A repetition of what is handled joins, however full it is.
        #expect(server.received([request(1).encoded()], hasMore: false, from: bob, now: now) == .nothing)
        // A place that is free again is the next one's, of its own connection too.
        _ = server.finished(operation(2), reply: [1], remember: true)
        #expect(
            server.received([request(4).encoded()], hasMore: false, from: alice, now: now)
                == .handle(request(4), deadline: now + .seconds(5)))
        server.cache.checkInvariants()
    }

    @Test func everyPlaceIsGivenBack() {
        var server = machine {
            $0.requestsInFlight = 4
            $0.requestsInFlightPerPeer = 2
        }
        for round in UInt64(0)..<50 {
            for place in UInt64(0)..<2 {
                for (offset, peer) in [(UInt64(0), alice), (1_000, bob)] {
                    let number = round * 2 + place + offset
                    let action = server.received([request(number).encoded()], hasMore: false, from: peer, now: now)
                    #expect(action == .handle(request(number), deadline: now + .seconds(5)))
                }
            }
            for number in [round * 2, round * 2 + 1, round * 2 + 1_000, round * 2 + 1_001] {
                _ = server.finished(operation(number), reply: [], remember: number % 3 == 0)
            }
        }
        #expect(server.cache.inFlight == 0 && server.statistics.refusedFull == 0)
        server.cache.checkInvariants()
    }
}
