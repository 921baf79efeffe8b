import MessageBus
import Messages
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(4))) struct RequestReplyTests {
    @Test func aRequestIsAnswered() async throws {
        try await withBus { bus in
            let server = try await bus.serve(at: anyPort) { request in answer(number(of: request.body) ?? 0) }
            let client = try await bus.client(to: server.endpoint)
            let reply = try await client.call(numbered(7), generation: 3, trace: "trace")
            #expect(number(of: reply.body) == 7)
            #expect(reply.generation == 3)
            #expect(reply.trace == "trace")
            #expect(reply.sender == "test/bus")
            #expect(await client.liveness == .alive)
        }
    }

    @Test func manyAtOnceAreAnsweredEachWithItsOwn() async throws {
        try await withBus { bus in
            let server = try await bus.serve(at: anyPort) { request in answer(number(of: request.body) ?? 0) }
            let client = try await bus.client(to: server.endpoint)
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for index in UInt32(1)...100 {
                    group.addTask { number(of: try await client.call(numbered(index)).body) == index }
                }
                for try await isOwn in group { #expect(isOwn) }
            }
        }
    }

    @Test func aHandlersRemoteErrorIsThrownAtTheCaller() async throws {
        try await withBus { bus in
            let thrown = RemoteError(.conflict, "No.", remedy: "Read again.", facts: ["version": "4"])
            let server = try await bus.serve(at: anyPort) { _ in throw thrown }
            let client = try await bus.client(to: server.endpoint)
            await #expect(throws: thrown) { try await client.call(numbered(1)) }
        }
    }

    @Test func anyOtherErrorOfAHandlerBecomesInternal() async throws {
        struct Unforeseen: Error {}
        try await withBus { bus in
            let server = try await bus.serve(at: anyPort) { _ in throw Unforeseen() }
            let client = try await bus.client(to: server.endpoint)
            let error = try await #require(throws: RemoteError.self) { try await client.call(numbered(1)) }
            #expect(error.code == .internal)
            #expect(error.facts["type"] == "Unforeseen")
        }
    }

    @Test func anAbsentServerEndsTheCallAtItsDeadline() async throws {
        try await withBus { bus in
            let client = try await bus.client(to: "tcp://127.0.0.1:9")
            let error = try await #require(throws: RemoteError.self) {
                try await client.call(numbered(1), deadline: .milliseconds(200))
            }
            #expect(error.code == .unavailable)
            #expect(error.retryable)
            #expect(error.facts["times_sent"] == "0")
        }
    }

    /// As a policy service is to every host that a vault may hold.
    @Test func aBusConnectsTo512Servers() async throws {
        try await withBus { bus in
            let server = try await bus.serve(at: anyPort) { request in answer(number(of: request.body) ?? 0) }
            var clients: [RequestClient] = []
            for _ in 0..<512 { clients.append(try await bus.client(to: server.endpoint)) }
            let reply = try await clients[511].call(numbered(7), deadline: .seconds(60))
            #expect(number(of: reply.body) == 7)
        }
    }

    @Test func aCallWaitsForAServerThatStartsLater() async throws {
        try await withBus { bus in
            let endpoint = try await unusedEndpoint(bus)
            let client = try await bus.client(to: endpoint)
            async let reply = client.call(numbered(5), deadline: .seconds(20))
            try await serveAgain(bus, at: endpoint)
            #expect(number(of: try await reply.body) == 5)
        }
    }

    @Test func aCallSurvivesAGracefulRestartOfTheServer() async throws {
        try await withBus { bus in
            let begun = AsyncStream.makeStream(of: Void.self)
            var limits = RequestServerLimits()
            limits.stopGrace = .milliseconds(10)
            let first = try await bus.serve(at: anyPort, limits: limits) { _ in
                begun.continuation.yield()
                try await hangUntilCancelled()
            }
            let client = try await bus.client(to: first.endpoint)
            async let reply = client.call(numbered(6), deadline: .seconds(30))
            for await _ in begun.stream { break }
            await first.stop()
            try await serveAgain(bus, at: first.endpoint)
            #expect(number(of: try await reply.body) == 6)
        }
    }

    @Test func aCallSurvivesACrashOfTheServer() async throws {
        try await withBus { bus in
            let crashing = try RawSocket(.router, bindingTo: anyPort)
            let client = try await bus.client(to: crashing.endpoint)
            async let reply = client.call(numbered(6), deadline: .seconds(30))
            try await eventually("the request arrives") { crashing.receive() != nil }
            crashing.close()
            try await serveAgain(bus, at: crashing.endpoint)
            #expect(number(of: try await reply.body) == 6)
        }
    }

    @Test func theHandlerSeesTheCallersDeadline() async throws {
        try await withBus { bus in
            let server = try await bus.serve(at: anyPort) { request in
                let left = ContinuousClock.now.duration(to: request.deadline)
                return answer(left > .seconds(3) && left < .seconds(50) ? 1 : 0)
            }
            let client = try await bus.client(to: server.endpoint)
            #expect(number(of: try await client.call(numbered(1), deadline: .seconds(50)).body) == 1)
        }
    }

    @Test func aCancelledCallEndsAtOnce() async throws {
        try await withBus { bus in
            let begun = AsyncStream.makeStream(of: Void.self)
            let server = try await bus.serve(at: anyPort) { _ in
                begun.continuation.yield()
                try await hangUntilCancelled()
            }
            let client = try await bus.client(to: server.endpoint)
            let call = Task { try await client.call(numbered(1), deadline: .seconds(60)) }
            for await _ in begun.stream { break }
            call.cancel()
            await #expect(throws: CancellationError.self) { try await call.value }
        }
    }

    @Test func callsUnderWayFailWhenTheClientCloses() async throws {
        try await withBus { bus in
            let client = try await bus.client(to: "tcp://127.0.0.1:9")
            let call = Task { try await client.call(numbered(1), deadline: .seconds(60)) }
            await client.close()
            let error = try await #require(throws: RemoteError.self) { try await call.value }
            #expect(error.code == .unavailable)
            #expect(!error.retryable)
        }
    }

    @Test func aStoppingServerLetsHandlersEndAndCancelsTheRest() async throws {
        try await withBus { bus in
            let begun = AsyncStream.makeStream(of: Void.self)
            var limits = RequestServerLimits()
            limits.stopGrace = .milliseconds(10)
            let server = try await bus.serve(at: anyPort, limits: limits) { _ in
                begun.continuation.yield()
                try await hangUntilCancelled()
            }
            // A bare socket, because a client would ask again until its time is over.
            let peer = try RawSocket(.dealer, connectingTo: server.endpoint)
            defer { peer.close() }
            let request = Envelope.request(numbered(1), operation: .random(), timeLeft: .seconds(60), sender: "test")
            peer.send([request.encoded()])
            for await _ in begun.stream { break }
            await server.stop()
            guard case .error(let wire) = try Envelope.decode(try await peer.next()[0]).body else {
                Issue.record("something else than a refusal")
                return
            }
            let error = RemoteError(wire: wire)
            #expect(error.code == .unavailable)
            #expect(error.retryable)
            #expect(error.facts["bus"] == "stopping")
        }
    }

    @Test func badEndpointsAreRefusedWithAReason() async throws {
        try await withBus { bus in
            let wrongTransport = try await #require(throws: MessageBusError.self) {
                _ = try await bus.client(to: "http://example")
            }
            #expect(wrongTransport.code == .badEndpoint)
            let server = try await bus.serve(at: anyPort) { _ in answer(0) }
            let taken = try await #require(throws: MessageBusError.self) {
                _ = try await bus.serve(at: server.endpoint) { _ in answer(0) }
            }
            #expect(taken.code == .addressInUse)
        }
    }

    @Test func aBusThatWasShutDownMakesNothingMore() async throws {
        let bus = MessageBus(name: "test/bus", logger: quietLogger)
        let client = try await bus.client(to: "tcp://127.0.0.1:9")
        await bus.shutdown()
        await bus.shutdown()
        let error = try await #require(throws: MessageBusError.self) {
            _ = try await bus.client(to: "tcp://127.0.0.1:9")
        }
        #expect(error.code == .shutDown)
        await #expect(throws: RemoteError.self) { try await client.call(numbered(1)) }
    }

    private func serveAgain(_ bus: MessageBus, at endpoint: String) async throws {
        _ = try await bus.serve(at: endpoint) { request in answer(number(of: request.body) ?? 0) }
    }

    /// A port that was free a moment ago.
    private func unusedEndpoint(_ bus: MessageBus) async throws -> String {
        let server = try await bus.serve(at: anyPort) { _ in answer(0) }
        await server.stop()
        return server.endpoint
    }
}
