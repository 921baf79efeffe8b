import FoundationEssentials
import MessageBus
import Messages
import Synchronization
import Testing

/// What reaches a request server from peers that do not keep the rules. One misuse per test; after each the server
/// still answers a good request.
@Suite(.timeLimit(.minutes(4))) struct RequestMessageTests {
    @Test func garbageIsAnsweredWithAnError() async throws {
        try await withPeer { server, peer, _ in
            peer.send([[0xff, 0xff, 0xff]])
            let error = try await errorFrom(peer)
            #expect(error.code == .invalidArgument)
            #expect(await server.statistics.malformed == 1)
        }
    }

    @Test func anotherVersionIsAnsweredWithWhatIsSpoken() async throws {
        try await withPeer { _, peer, handled in
            var envelope = request(1)
            envelope.protocolVersion = 2
            peer.send([envelope.encoded()])
            let error = try await errorFrom(peer, operation: envelope.operation)
            #expect(error.code == .unsupportedVersion)
            #expect(handled.load(ordering: .relaxed) == 0)
        }
    }

    @Test func aFrameTooManyIsAnsweredWithAnError() async throws {
        try await withPeer { server, peer, handled in
            peer.send([request(1).encoded(), [1]])
            try await expectRefusal(.invalidArgument, from: peer)
            peer.send([[UInt8]](repeating: [1], count: 1000))
            try await expectRefusal(.invalidArgument, from: peer)
            #expect(await server.statistics.wronglyFramed == 2)
            #expect(handled.load(ordering: .relaxed) == 0)
        }
    }

    @Test func anEmptyMessageIsAnsweredWithAnError() async throws {
        try await withPeer { _, peer, _ in
            peer.send([[]])
            try await expectRefusal(.unsupportedVersion, from: peer)
        }
    }

    @Test func aShortIdentifierIsAnsweredWithAnError() async throws {
        try await withPeer { _, peer, handled in
            var envelope = request(1)
            envelope.operationID = Data([1, 2, 3])
            peer.send([envelope.encoded()])
            try await expectRefusal(.invalidArgument, from: peer)
            #expect(handled.load(ordering: .relaxed) == 0)
        }
    }

    @Test func aReplySentAsARequestIsAnsweredWithAnError() async throws {
        try await withPeer { _, peer, handled in
            var envelope = request(1)
            envelope.body = answer(1)
            peer.send([envelope.encoded()])
            try await expectRefusal(.invalidArgument, from: peer)
            #expect(handled.load(ordering: .relaxed) == 0)
        }
    }

    @Test func aHeartbeatIsAnsweredWithAHeartbeat() async throws {
        try await withPeer { _, peer, _ in
            var envelope = request(1)
            envelope.body = .heartbeat(Heartbeat())
            peer.send([envelope.encoded()])
            let reply = try Envelope.decode(try await peer.next()[0])
            #expect(reply.body == .heartbeat(Heartbeat()))
            #expect(reply.operation == envelope.operation)
        }
    }

    @Test func aRepeatedRequestIsAnsweredAgainButHandledOnce() async throws {
        try await withPeer { server, peer, handled in
            let envelope = request(9)
            peer.send([envelope.encoded()])
            let first = try await peer.next()
            peer.send([envelope.encoded()])
            #expect(try await peer.next() == first)
            #expect(handled.load(ordering: .relaxed) == 1)
            #expect(await server.statistics.answeredAgain == 1)
        }
    }

    @Test func aRequestSocketGetsItsEmptyFrameBack() async throws {
        try await withBus { bus in
            let server = try await bus.serve(at: anyPort) { request in answer(number(of: request.body) ?? 0) }
            let peer = try RawSocket(.request, connectingTo: server.endpoint)
            defer { peer.close() }
            peer.send([request(4).encoded()])
            #expect(number(of: try Envelope.decode(try await peer.next()[0]).body) == 4)
        }
    }

    @Test func bytesThatAreNotZeroMQDoNotStopTheServer() async throws {
        try await withPeer { _, _, _ in
        } beforeGoodRequest: { server in
            for bytes in [[UInt8]("GET / HTTP/1.1\r\n\r\n".utf8), [UInt8](repeating: 0xff, count: 4096), [0]] {
                let connection = try RawConnection(to: server.endpoint)
                connection.write(bytes)
                connection.close()
            }
        }
    }

    @Test func repetitionsOfARequestInFlightJoinIt() async throws {
        try await withBus { bus in
            let gate = Gate()
            let handled = Atomic(0)
            let server = try await bus.serve(at: anyPort) { request in
                handled.add(1, ordering: .relaxed)
                await gate.pass()
                return answer(number(of: request.body) ?? 0)
            }
            let first = try RawSocket(.dealer, connectingTo: server.endpoint)
            let second = try RawSocket(.dealer, connectingTo: server.endpoint)
            defer {
                first.close()
                second.close()
            }
            let envelope = request(3)
            first.send([envelope.encoded()])
            try await eventually("it is handled") { handled.load(ordering: .relaxed) == 1 }
            first.send([envelope.encoded()])
            second.send([envelope.encoded()])
            try await eventually("both join") { await server.statistics.joined == 2 }
            await gate.open()
            #expect(number(of: try Envelope.decode(try await first.next()[0]).body) == 3)
            #expect(number(of: try Envelope.decode(try await second.next()[0]).body) == 3)
            #expect(handled.load(ordering: .relaxed) == 1)
            // One answer per connection, however often it asked.
            #expect(first.receive() == nil)
        }
    }

    @Test func aFullServerRefusesAndTheCallersBusRepeats() async throws {
        try await withBus { bus in
            let gate = Gate()
            var limits = RequestServerLimits()
            limits.requestsInFlight = 1
            let server = try await bus.serve(at: anyPort, limits: limits) { request in
                await gate.pass()
                return answer(number(of: request.body) ?? 0)
            }
            var clientLimits = RequestClientLimits()
            clientLimits.firstRetry = .milliseconds(20)
            clientLimits.longestRetry = .milliseconds(200)
            let client = try await bus.client(to: server.endpoint, limits: clientLimits)
            async let first = client.call(numbered(1), deadline: .seconds(40))
            try await eventually("one is handled") { await server.statistics.handled == 1 }
            async let second = client.call(numbered(2), deadline: .seconds(40))
            try await eventually("one is refused") { await server.statistics.refusedFull > 0 }
            await gate.open()
            #expect(number(of: try await first.body) == 1)
            #expect(number(of: try await second.body) == 2)
        }
    }

    @Test func anErrorThatMayPassIsNotRemembered() async throws {
        try await withBus { bus in
            let handled = Atomic(0)
            let server = try await bus.serve(at: anyPort) { _ in
                if handled.add(1, ordering: .relaxed).newValue == 1 { throw RemoteError(.unavailable, "Not yet.") }
                return answer(1)
            }
            let client = try await bus.client(to: server.endpoint)
            let operation = OperationIdentifier.random()
            await #expect(throws: RemoteError.self) { try await client.call(numbered(1), operation: operation) }
            #expect(number(of: try await client.call(numbered(1), operation: operation).body) == 1)
        }
    }

    /// The next message that is not a heartbeat: on a busy machine one may come first.
    private func nextRequest(of peer: RawSocket) async throws -> [[UInt8]] {
        while true {
            let message = try await peer.next()
            guard case .heartbeat = try Envelope.decode(message[1]).body else { return message }
        }
    }

    @Test func lateAndUnaskedRepliesAreIgnored() async throws {
        try await withBus { bus in
            let peer = try RawSocket(.router, bindingTo: anyPort)
            defer { peer.close() }
            let client = try await bus.client(to: peer.endpoint)
            async let call = client.call(numbered(1), deadline: .seconds(30))
            let message = try await nextRequest(of: peer)
            let asked = try Envelope.decode(message[1])
            peer.send([message[0], request(5).reply(answer(5), sender: "x").encoded()])
            peer.send([message[0], [0xff]])
            peer.send([message[0], [], asked.reply(answer(7), sender: "x").encoded()])
            peer.send([message[0], asked.reply(answer(6), sender: "x").encoded()])
            #expect(number(of: try await call.body) == 6)
            peer.send([message[0], asked.reply(answer(6), sender: "x").encoded()])
            try await eventually("two replies are stray") { await client.strayReplies == 2 }
        }
    }

    @Test func aPeerOfAnotherVersionEndsTheCallAtOnce() async throws {
        try await withBus { bus in
            let peer = try RawSocket(.router, bindingTo: anyPort)
            defer { peer.close() }
            let client = try await bus.client(to: peer.endpoint)
            async let call = client.call(numbered(1), deadline: .seconds(30))
            let message = try await nextRequest(of: peer)
            var reply = try Envelope.decode(message[1]).reply(answer(1), sender: "x")
            reply.protocolVersion = 2
            peer.send([message[0], reply.encoded()])
            do {
                _ = try await call
                Issue.record("an answer of version 2 was accepted")
            } catch let error as RemoteError {
                #expect(error.code == .unsupportedVersion)
            }
        }
    }

    @Test func silenceIsNoticed() async throws {
        try await withBus { bus in
            var limits = RequestClientLimits()
            limits.heartbeatInterval = .milliseconds(10)
            limits.silenceLimit = .milliseconds(100)
            let server = try await bus.serve(at: anyPort) { _ in answer(1) }
            let client = try await bus.client(to: server.endpoint, limits: limits)
            try await eventually("heartbeats are answered") { await client.liveness == .alive }
            await server.stop()
            try await eventually("silence is noticed") {
                if case .silent(lastHeard: .some) = await client.liveness { true } else { false }
            }
        }
    }

    // MARK: Support

    private func expectRefusal(
        _ code: ErrorCode, from peer: RawSocket, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let error = try await errorFrom(peer)
        #expect(error.code == code, sourceLocation: sourceLocation)
    }

    private func request(_ number: UInt32) -> Envelope {
        .request(numbered(number), operation: .random(), timeLeft: .seconds(10), sender: "test/peer")
    }

    private func errorFrom(_ peer: RawSocket, operation: OperationIdentifier? = nil) async throws -> RemoteError {
        let message = try await peer.next()
        #expect(message.count == 1)
        let envelope = try Envelope.decode(message[0])
        if let operation { #expect(envelope.operation == operation) }
        guard case .error(let wire) = envelope.body else {
            Issue.record("the answer is not an error: \(envelope)")
            return RemoteError(.internal, "")
        }
        return RemoteError(wire: wire)
    }

    /// A server that counts, a bare peer, and at the end the proof that the server still serves.
    private func withPeer(
        _ body: (RequestServer, RawSocket, borrowing Atomic<Int>) async throws -> Void,
        beforeGoodRequest: (RequestServer) async throws -> Void = { _ in }
    ) async throws {
        try await withBus { bus in
            let handled = Atomic(0)
            let server = try await bus.serve(at: anyPort) { request in
                handled.add(1, ordering: .relaxed)
                return answer(number(of: request.body) ?? 0)
            }
            let peer = try RawSocket(.dealer, connectingTo: server.endpoint)
            defer { peer.close() }
            try await body(server, peer, handled)
            try await beforeGoodRequest(server)
            let client = try await bus.client(to: server.endpoint)
            #expect(number(of: try await client.call(numbered(77)).body) == 77)
        }
    }
}
