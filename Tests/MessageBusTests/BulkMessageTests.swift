import Messages
import Testing

@testable import MessageBus

/// What reaches a bulk server from peers that do not keep the rules, and a bulk channel from such a receiver.
@Suite(.timeLimit(.minutes(4))) struct BulkMessageTests {
    @Test(arguments: [
        [[UInt8]](), [[1]], [[1], [2]], [[1], [2], [3]], [[UInt8](repeating: 0, count: 40), []],
        [[UInt8]](repeating: [1], count: 100),
    ])
    func garbageIsRefusedAndHarmsNobody(frames: [[UInt8]]) async throws {
        try await withPeer { server, peer, _ in
            peer.send(frames.isEmpty ? [[]] : frames)
            try await expectRefusal(.invalidArgument, from: peer)
            #expect(await server.statistics.malformed == 1)
        }
    }

    @Test func aRecordWithoutHelloIsRefused() async throws {
        try await withPeer { _, peer, _ in
            send(.record, body: [1], to: peer)
            try await expectRefusal(.failedPrecondition, from: peer)
        }
    }

    @Test func aHelloOfAWrongLengthIsRefused() async throws {
        try await withPeer { _, peer, handler in
            send(.hello, body: [1, 2, 3], to: peer)
            try await expectRefusal(.invalidArgument, from: peer)
            #expect(handler.now.hellos == [])
        }
    }

    @Test(arguments: [UInt64(1), 7])
    func aRecordOutOfOrderEndsTheTransfer(sequence: UInt64) async throws {
        try await withWelcomedPeer { peer, handler in
            send(.record, sequence: sequence, body: [1], to: peer)
            let error = try await refusal(from: peer)
            #expect(error.code == .invalidArgument)
            try await eventually("the handler sees the end") { handler.now.ends == [.refused(error)] }
            #expect(handler.now.sequences == [])
        }
    }

    @Test func aRecordTwiceEndsTheTransfer() async throws {
        try await withWelcomedPeer { peer, handler in
            send(.record, body: [1], to: peer)
            send(.record, body: [1], to: peer)
            try await expectRefusal(.invalidArgument, from: peer)
            try await eventually("the handler sees the end") { handler.now.ends.count == 1 }
        }
    }

    @Test func moreThanTheCreditEndsTheTransfer() async throws {
        let gate = Gate()
        try await withWelcomedPeer(gate: gate) { peer, handler in
            for sequence in UInt64(0)..<5 {
                send(.record, sequence: sequence, body: [UInt8](repeating: 1, count: 1 << 20), to: peer)
            }
            try await expectRefusal(.invalidArgument, from: peer)
            await gate.open()
            try await eventually("the handler sees the end") { handler.now.ends.count == 1 }
        }
    }

    @Test func tinyRecordsCostTheirMinimum() async throws {
        let gate = Gate()
        try await withWelcomedPeer(gate: gate) { peer, _ in
            // 4 MiB of credit are 4,096 records of at most 1 KiB.
            for sequence in UInt64(0)...4096 { send(.record, sequence: sequence, body: [1], to: peer) }
            try await expectRefusal(.invalidArgument, from: peer)
            await gate.open()
        }
    }

    @Test(arguments: [
        BulkFrameHeader(.hello, attempt: 3), BulkFrameHeader(.welcome, attempt: 3),
        BulkFrameHeader(.credit, attempt: 3), BulkFrameHeader(.stored, attempt: 3),
        BulkFrameHeader(.hashes, attempt: 3), BulkFrameHeader(.refuse, attempt: 3),
        BulkFrameHeader(.record, attempt: 4), BulkFrameHeader(.record, attempt: 3),
        BulkFrameHeader(.finish, attempt: 3), BulkFrameHeader(.hashRequest, attempt: 3),
    ])
    func framesThatMakeNoSenseEndTheTransfer(header: BulkFrameHeader) async throws {
        try await withWelcomedPeer { peer, handler in
            peer.send([header.encoded, []])
            try await expectRefusal(.invalidArgument, from: peer)
            try await eventually("the handler sees the end") { handler.now.ends.count == 1 }
        }
    }

    @Test func aWrongNumberOfRecordsAtTheFinishEndsTheTransfer() async throws {
        try await withWelcomedPeer { peer, handler in
            send(.finish, value: 5, body: digestForTests, to: peer)
            try await expectRefusal(.invalidArgument, from: peer)
            #expect(handler.now.finishes == [])
        }
    }

    @Test func recordsAfterTheEndAreDroppedQuietly() async throws {
        try await withWelcomedPeer { peer, handler in
            send(.abandon, to: peer)
            try await eventually("the handler sees the end") { handler.now.ends == [.abandoned] }
            send(.record, body: [1], to: peer)
            send(.heartbeat, to: peer)
            // A hello after the end begins anew.
            send(.hello, body: helloForTests.token + helloForTests.job, to: peer)
            var header = try await next(from: peer).header
            while header.kind == .heartbeat { header = try await next(from: peer).header }
            #expect(header.kind == .welcome)
        }
    }

    @Test func aPeerThatFallsSilentHasVanished() async throws {
        var limits = BulkServerLimits()
        limits.silenceLimit = .seconds(1)
        try await withWelcomedPeer(limits: limits) { peer, handler in
            try await eventually("the handler sees the end") { handler.now.ends == [.vanished] }
        }
    }

    @Test func aReceiverThatFallsSilentEndsTheChannel() async throws {
        try await withBus { bus in
            let receiver = try RawSocket(.router, bindingTo: anyPort)
            defer { receiver.close() }
            var limits = BulkChannelLimits()
            limits.heartbeatInterval = .milliseconds(10)
            limits.silenceLimit = .milliseconds(200)
            let channel = try await bus.bulkChannel(to: receiver.endpoint, limits: limits)
            async let opening: Void = channel.open(helloForTests)
            let message = try await receiver.next()
            receiver.send([message[0], welcome.encoded, []])
            try await opening
            let error = try await #require(throws: RemoteError.self) {
                _ = try await channel.finish(digest: digestForTests)
            }
            #expect(error.code == .unavailable)
        }
    }

    @Test func aReceiverThatVanishesEndsTheChannelAtOnce() async throws {
        try await withBus { bus in
            let receiver = try RawSocket(.router, bindingTo: anyPort)
            let channel = try await bus.bulkChannel(to: receiver.endpoint)
            async let opening: Void = channel.open(helloForTests)
            let message = try await receiver.next()
            receiver.send([message[0], welcome.encoded, []])
            try await opening
            receiver.close()
            let error = try await #require(throws: RemoteError.self) {
                _ = try await channel.finish(digest: digestForTests)
            }
            #expect(error.code == .unavailable)
        }
    }

    @Test(arguments: [
        [BulkFrameHeader(.stored, attempt: 3)], [BulkFrameHeader(.hashes, attempt: 3)],
        [BulkFrameHeader(.credit, attempt: 3, value: .max)], [BulkFrameHeader(.record, attempt: 3)],
    ])
    func aReceiverThatBreaksTheRulesEndsTheChannel(headers: [BulkFrameHeader]) async throws {
        try await withBus { bus in
            let receiver = try RawSocket(.router, bindingTo: anyPort)
            defer { receiver.close() }
            let channel = try await bus.bulkChannel(to: receiver.endpoint)
            async let opening: Void = channel.open(helloForTests)
            let message = try await receiver.next()
            receiver.send([message[0], welcome.encoded, []])
            try await opening
            for header in headers { receiver.send([message[0], header.encoded, []]) }
            let error = try await #require(throws: RemoteError.self) {
                while true {
                    try await channel.send([1])
                    await Task.yield()
                }
            }
            #expect(error.code == .internal)
        }
    }

    // MARK: Support

    private func expectRefusal(
        _ code: ErrorCode, from peer: RawSocket, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let error = try await refusal(from: peer)
        #expect(error.code == code, sourceLocation: sourceLocation)
    }

    private let welcome = BulkFrameHeader(.welcome, attempt: 3, value: 4 << 20)

    private func send(
        _ kind: BulkFrameHeader.Kind, sequence: UInt64 = 0, value: UInt64 = 0, body: [UInt8] = [], to peer: RawSocket
    ) {
        var header = BulkFrameHeader(kind, attempt: helloForTests.attempt, sequence: sequence, value: value)
        header.bodyLength = UInt64(body.count)
        peer.send([header.encoded, body])
    }

    private func next(from peer: RawSocket) async throws -> (header: BulkFrameHeader, body: [UInt8]) {
        let message = try await peer.next()
        try #require(message.count == 2)
        return (try BulkFrameHeader(decoding: message[0], bodyCount: message[1].count), message[1])
    }

    /// Heartbeats and credit may come before it.
    private func refusal(from peer: RawSocket) async throws -> RemoteError {
        while true {
            let (header, body) = try await next(from: peer)
            if header.kind == .refuse { return try #require(RemoteError(encoded: body)) }
            try #require(header.kind == .heartbeat || header.kind == .credit)
        }
    }

    /// A server, a bare peer, and at the end the proof that the server still takes transfers.
    private func withPeer(
        limits: BulkServerLimits = .init(), gate: Gate? = nil,
        _ body: (BulkServer, RawSocket, BulkTestHandler) async throws -> Void
    ) async throws {
        try await withBus { bus in
            let handler = BulkTestHandler(gate: gate)
            let server = try await bus.bulkServer(at: anyPort, limits: limits, handler: handler)
            let peer = try RawSocket(.dealer, connectingTo: server.endpoint)
            defer { peer.close() }
            try await body(server, peer, handler)
            var channelLimits = BulkChannelLimits()
            // Often, so that a server of little patience holds on however late this task goes on.
            channelLimits.heartbeatInterval = .milliseconds(100)
            let channel = try await bus.bulkChannel(to: server.endpoint, limits: channelLimits)
            var hello = helloForTests
            hello.attempt = 1000
            try await channel.open(hello)
            try await channel.send([1])
            #expect(try await channel.finish(digest: digestForTests) == digestForTests)
        }
    }

    private func withWelcomedPeer(
        limits: BulkServerLimits = .init(), gate: Gate? = nil,
        _ body: (RawSocket, BulkTestHandler) async throws -> Void
    ) async throws {
        var limits = limits
        limits.windowBytes = 4 << 20
        try await withPeer(limits: limits, gate: gate) { _, peer, handler in
            send(.hello, body: helloForTests.token + helloForTests.job, to: peer)
            let (header, _) = try await next(from: peer)
            try #require(header.kind == .welcome && header.value == 4 << 20)
            try await body(peer, handler)
        }
    }
}
