import FoundationEssentials
import Messages
import Synchronization
import Testing

@testable import MessageBus

/// Peers that are called by a name, with a resolver that a test speaks for. 127.0.0.1 and 127.0.0.2 are two machines.
@Suite(.timeLimit(.minutes(4))) struct NameTests {
    private let names = ScriptedNames()

    private func withNamedBus(_ body: (MessageBus) async throws -> Void) async throws {
        try await withBus(resolver: names.resolver, body)
    }

    private func named(_ endpoint: String, _ host: String = "peer") -> String {
        "tcp://\(host):\(endpoint.split(separator: ":").last ?? "")"
    }

    @Test func aServerIsFoundByItsName() async throws {
        try await withNamedBus { bus in
            let server = try await bus.serve(at: anyPort) { request in answer(number(of: request.body) ?? 0) }
            names.say(.addresses(["127.0.0.1"]), to: "peer")
            let client = try await bus.client(to: named(server.endpoint))
            for index in UInt32(1)...3 {
                #expect(number(of: try await client.call(numbered(index)).body) == index)
            }
            #expect(names.timesAsked("peer") == 1)
        }
    }

    @Test func aNameThatNobodyAnswersHoldsUpNobodyElse() async throws {
        try await withNamedBus { bus in
            let server = try await bus.serve(at: anyPort) { request in answer(number(of: request.body) ?? 0) }
            let lost = try await bus.client(to: "tcp://silent:9")
            let call = Task { try await lost.call(numbered(1), deadline: .milliseconds(500)) }
            try await eventually("it is asked for") { names.timesAsked("silent") >= 1 }
            let client = try await bus.client(to: server.endpoint)
            // A thread of the bus that waited for the name, which is never answered, would answer none of these.
            for index in UInt32(1)...50 {
                #expect(number(of: try await client.call(numbered(index)).body) == index)
            }
            let error = try await #require(throws: RemoteError.self) { try await call.value }
            #expect(error.code == .unavailable)
        }
    }

    @Test func aCallToANameThatDoesNotExistSaysSo() async throws {
        try await withNamedBus { bus in
            names.say(.failed("no such name"), to: "peer")
            let client = try await bus.client(to: "tcp://peer:9")
            let error = try await #require(throws: RemoteError.self) {
                try await client.call(numbered(1), deadline: .milliseconds(200))
            }
            #expect(error.code == .unavailable)
            #expect(error.facts["name_not_found"] == "no such name")
        }
    }

    @Test func aServerThatComesBackElsewhereIsFoundAgain() async throws {
        try await withNamedBus { bus in
            let first = try await bus.serve(at: anyPort) { _ in answer(1) }
            names.say(.addresses(["127.0.0.1"]), to: "peer")
            let client = try await bus.client(to: named(first.endpoint))
            #expect(number(of: try await client.call(numbered(0)).body) == 1)
            names.say(.addresses(["127.0.0.2"]), to: "peer")
            await first.stop()
            _ = try await bus.serve(at: named(first.endpoint, "127.0.0.2")) { _ in answer(2) }
            #expect(number(of: try await client.call(numbered(0), deadline: .seconds(20)).body) == 2)
        }
    }

    @Test func aServerThatComesBackWhereItWasIsFoundWhileTheResolverIsAway() async throws {
        try await withNamedBus { bus in
            let crashing = try RawSocket(.router, bindingTo: anyPort)
            names.say(.addresses(["127.0.0.1"]), to: "peer")
            let client = try await bus.client(to: named(crashing.endpoint))
            async let reply = client.call(numbered(6), deadline: .seconds(30))
            try await eventually("the request arrives") { crashing.receive() != nil }
            names.say(.failed("the name server is away"), to: "peer")
            crashing.close()
            _ = try await bus.serve(at: crashing.endpoint) { _ in answer(6) }
            #expect(number(of: try await reply.body) == 6)
        }
    }

    @Test func aSubscriberFollowsItsPublisherToAnotherAddress() async throws {
        try await withNamedBus { bus in
            var limits = PublisherLimits()
            limits.heartbeatInterval = .milliseconds(20)
            let epoch = [UInt8](repeating: 1, count: 16)
            let first = try await bus.publisher(
                at: anyPort, position: EventPosition(epoch: epoch, number: 1), limits: limits)
            names.say(.addresses(["127.0.0.1"]), to: "peer")
            let subscription = try await bus.subscribe(to: named(first.endpoint))
            var numbers = subscription.makeAsyncIterator()
            #expect(await numbers.next()?.vaultEvent.number == 1)
            names.say(.addresses(["127.0.0.2"]), to: "peer")
            await first.stop()
            _ = try await bus.publisher(
                at: named(first.endpoint, "127.0.0.2"), position: EventPosition(epoch: epoch, number: 2), limits: limits
            )
            while let envelope = await numbers.next(), envelope.vaultEvent.number == 1 {}
            #expect(await subscription.statistics.malformed == 0)
            #expect(await subscription.liveness == .alive)
        }
    }

    @Test func recordsGoToAReceiverByItsName() async throws {
        try await withNamedBus { bus in
            let handler = BulkTestHandler()
            let server = try await bus.bulkServer(at: anyPort, handler: handler)
            names.say(.addresses(["127.0.0.1"]), to: "peer")
            let channel = try await bus.bulkChannel(to: named(server.endpoint))
            try await channel.open(helloForTests)
            for index in UInt8(0)..<10 { try await channel.send([UInt8](repeating: index, count: 1000)) }
            #expect(try await channel.finish(digest: digestForTests) == digestForTests)
            #expect(handler.now.sequences == Array(0..<10))
        }
    }

    @Test func aReceiverWhoseNameDoesNotExistIsUnavailable() async throws {
        try await withNamedBus { bus in
            names.say(.failed("no such name"), to: "peer")
            var limits = BulkChannelLimits()
            limits.openDeadline = .milliseconds(200)
            let channel = try await bus.bulkChannel(to: "tcp://peer:9", limits: limits)
            let error = try await #require(throws: RemoteError.self) { try await channel.open(helloForTests) }
            #expect(error.code == .unavailable)
            #expect(error.facts["name_not_found"] == "no such name")
        }
    }

    @Test func theSystemKnowsThisMachine() async {
        let outcome = await withCheckedContinuation { continuation in
            NameResolver.system.resolve("localhost") { continuation.resume(returning: $0) }
        }
        #expect(outcome == .addresses(["127.0.0.1"]))
    }

    @Test func theSystemSaysWhyThereIsNoAddress() async {
        let outcome = await withCheckedContinuation { continuation in
            // Longer than a name may be, so that no server is asked.
            NameResolver.system.resolve(String(repeating: "a", count: 300)) { continuation.resume(returning: $0) }
        }
        guard case .failed(let why) = outcome else {
            Issue.record("an impossible name was found: \(outcome)")
            return
        }
        #expect(!why.isEmpty)
    }

    @Test func lookUpsBeyondTheLimitFailAtOnce() {
        var limits = SystemLookupLimits()
        limits.lookupsOfOneName = 0
        let said = Mutex<NameResolver.Outcome?>(nil)
        SystemLookups(limits: limits).begin("localhost") { outcome in said.withLock { $0 = outcome } }
        guard case .failed = said.withLock({ $0 }) else {
            Issue.record("a look-up began beyond its limit")
            return
        }
    }
}
