import MessageBus
import Messages
import Testing

let helloForTests = BulkHello(
    token: [UInt8](repeating: 1, count: 16), job: [UInt8](repeating: 2, count: 16), attempt: 3)
let digestForTests = [UInt8](repeating: 9, count: 32)

@Suite(.timeLimit(.minutes(4))) struct BulkTransferTests {
    @Test func recordsArriveInOrderAndTheDigestComesBack() async throws {
        try await withBus { bus in
            let handler = BulkTestHandler()
            let server = try await bus.bulkServer(at: anyPort, handler: handler)
            let channel = try await bus.bulkChannel(to: server.endpoint)
            try await channel.open(helloForTests)
            for index in UInt8(0)..<100 { try await channel.send([UInt8](repeating: index, count: 1000)) }
            #expect(try await channel.finish(digest: digestForTests) == digestForTests)
            await channel.close()
            try await eventually("the handler sees the end") { handler.now.ends == [.finished] }
            #expect(handler.now.hellos == [helloForTests])
            #expect(handler.now.sequences == Array(0..<100))
            #expect(handler.now.firstBytes == Array(0..<100))
            #expect(handler.now.finishes == [100])
            #expect(await server.statistics.recordBytes == 100_000)
        }
    }

    @Test func moreThanAWindowPassesThrough() async throws {
        try await withBus { bus in
            var limits = BulkServerLimits()
            limits.windowBytes = 4 << 20
            let handler = BulkTestHandler()
            let server = try await bus.bulkServer(at: anyPort, limits: limits, handler: handler)
            let channel = try await bus.bulkChannel(to: server.endpoint)
            try await channel.open(helloForTests)
            let buffer = BulkBuffer(capacity: 1 << 20)
            buffer.fill { memory in
                memory.initializeMemory(as: UInt8.self, repeating: 7)
                return memory.count
            }
            for _ in 0..<64 { try await channel.send(buffer) }
            _ = try await channel.finish(digest: digestForTests)
            #expect(handler.now.bytes == 64 << 20)
        }
    }

    @Test func aSenderWithoutCreditWaitsUntilRecordsAreStored() async throws {
        try await withBus { bus in
            var limits = BulkServerLimits()
            limits.windowBytes = 4 << 20
            let gate = Gate()
            let handler = BulkTestHandler(gate: gate)
            let server = try await bus.bulkServer(at: anyPort, limits: limits, handler: handler)
            let channel = try await bus.bulkChannel(to: server.endpoint)
            try await channel.open(helloForTests)
            let record = [UInt8](repeating: 1, count: 1 << 20)
            for _ in 0..<4 { try await channel.send(record) }
            let fifth = Task { try await channel.send(record) }
            try await eventually("four records arrive") { await server.statistics.records == 4 }
            #expect(handler.now.bytes == 0)
            await gate.open()
            try await fifth.value
            try await eventually("five records are stored") { handler.now.bytes == 5 << 20 }
        }
    }

    @Test func aSenderThatWaitsForCreditCanBeCancelled() async throws {
        try await withBus { bus in
            var limits = BulkServerLimits()
            limits.windowBytes = 4 << 20
            let gate = Gate()
            let server = try await bus.bulkServer(at: anyPort, limits: limits, handler: BulkTestHandler(gate: gate))
            let channel = try await bus.bulkChannel(to: server.endpoint)
            try await channel.open(helloForTests)
            let record = [UInt8](repeating: 1, count: 1 << 20)
            for _ in 0..<4 { try await channel.send(record) }
            let waiting = Task { try await channel.send(record) }
            waiting.cancel()
            await #expect(throws: CancellationError.self) { try await waiting.value }
            await gate.open()
        }
    }

    @Test func hashesAreAnsweredPerBlock() async throws {
        try await withBus { bus in
            let handler = BulkTestHandler()
            let server = try await bus.bulkServer(at: anyPort, handler: handler)
            let channel = try await bus.bulkChannel(to: server.endpoint)
            try await channel.open(helloForTests)
            let request = BulkHashRequest(disk: 1, offset: 65_536, length: 65_536 * 2 + 512)
            let hashes = try await channel.hashes(request)
            #expect(hashes.count == 48)
            #expect(hashes[16] == 1 && hashes[32] == 2)
            #expect(handler.now.hashRequests == [request])
        }
    }

    @Test func aRefusedHelloIsThrown() async throws {
        try await withBus { bus in
            let refusal = RemoteError(.notFound, "No such token.")
            let handler = BulkTestHandler(refuseHello: refusal)
            let server = try await bus.bulkServer(at: anyPort, handler: handler)
            let channel = try await bus.bulkChannel(to: server.endpoint)
            await #expect(throws: refusal) { try await channel.open(helloForTests) }
            try await eventually("the transfer is forgotten") { await server.statistics.transfersNow == 0 }
            #expect(handler.now.ends == [])
        }
    }

    @Test func aRecordThatCannotBeStoredEndsTheTransferWithItsReason() async throws {
        try await withBus { bus in
            let refusal = RemoteError(.resourceExhausted, "The disk is full.")
            let handler = BulkTestHandler(refuseRecord: refusal)
            let server = try await bus.bulkServer(at: anyPort, handler: handler)
            let channel = try await bus.bulkChannel(to: server.endpoint)
            try await channel.open(helloForTests)
            await #expect(throws: refusal) {
                try await channel.send([1])
                _ = try await channel.finish(digest: digestForTests)
            }
            try await eventually("the handler sees the end") { handler.now.ends == [.refused(refusal)] }
        }
    }

    @Test func abandoningEndsTheTransfer() async throws {
        try await withBus { bus in
            let handler = BulkTestHandler()
            let server = try await bus.bulkServer(at: anyPort, handler: handler)
            let channel = try await bus.bulkChannel(to: server.endpoint)
            try await channel.open(helloForTests)
            await channel.abandon()
            try await eventually("the handler sees the end") { handler.now.ends == [.abandoned] }
            let error = try await #require(throws: RemoteError.self) { try await channel.send([1]) }
            #expect(error.code == .unavailable)
        }
    }

    @Test func closingBeforeTheEndAbandons() async throws {
        try await withBus { bus in
            let handler = BulkTestHandler()
            let server = try await bus.bulkServer(at: anyPort, handler: handler)
            let channel = try await bus.bulkChannel(to: server.endpoint)
            try await channel.open(helloForTests)
            await channel.close()
            try await eventually("the handler sees the end") { handler.now.ends == [.abandoned] }
        }
    }

    @Test func endingATokenStopsItsTransfersAndTellsTheSender() async throws {
        try await withBus { bus in
            let handler = BulkTestHandler()
            let server = try await bus.bulkServer(at: anyPort, handler: handler)
            let channel = try await bus.bulkChannel(to: server.endpoint)
            try await channel.open(helloForTests)
            await server.end(token: [UInt8](repeating: 5, count: 16))
            #expect(handler.now.ends == [])
            await server.end(token: helloForTests.token)
            #expect(handler.now.ends == [.stopped])
            let error = try await #require(throws: RemoteError.self) {
                _ = try await channel.finish(digest: digestForTests)
            }
            #expect(error.code == .leaseLost)
        }
    }

    @Test func anAbsentReceiverFailsTheOpening() async throws {
        try await withBus { bus in
            var limits = BulkChannelLimits()
            limits.openDeadline = .milliseconds(200)
            let channel = try await bus.bulkChannel(to: "tcp://127.0.0.1:9", limits: limits)
            let error = try await #require(throws: RemoteError.self) { try await channel.open(helloForTests) }
            #expect(error.code == .unavailable)
        }
    }

    @Test func aReceiverThatStopsEndsTheChannel() async throws {
        try await withBus { bus in
            let gate = Gate()
            let handler = BulkTestHandler(gate: gate)
            let server = try await bus.bulkServer(at: anyPort, handler: handler)
            let channel = try await bus.bulkChannel(to: server.endpoint)
            try await channel.open(helloForTests)
            try await channel.send([1])
            async let stopped: Void = server.stop()
            await gate.open()
            await stopped
            let error = try await #require(throws: RemoteError.self) {
                _ = try await channel.finish(digest: digestForTests)
            }
            #expect(error.code == .unavailable)
            #expect(handler.now.ends == [.stopped])
        }
    }

    @Test func windowsAreSharedAndTheLastTransferIsRefused() async throws {
        try await withBus { bus in
            var limits = BulkServerLimits()
            limits.windowBytesOfAllTransfers = 6 << 20
            let server = try await bus.bulkServer(at: anyPort, limits: limits, handler: BulkTestHandler())
            var hello = helloForTests
            for attempt in UInt32(1)...2 {
                hello.attempt = attempt
                try await bus.bulkChannel(to: server.endpoint).open(hello)
            }
            hello.attempt = 3
            let third = try await bus.bulkChannel(to: server.endpoint)
            let error = try await #require(throws: RemoteError.self) { try await third.open(hello) }
            #expect(error.code == .resourceExhausted)
            #expect(error.retryable)
        }
    }

    @Test func oneAttemptHasOneConnection() async throws {
        try await withBus { bus in
            let server = try await bus.bulkServer(at: anyPort, handler: BulkTestHandler())
            try await bus.bulkChannel(to: server.endpoint).open(helloForTests)
            let second = try await bus.bulkChannel(to: server.endpoint)
            let error = try await #require(throws: RemoteError.self) { try await second.open(helloForTests) }
            #expect(error.code == .conflict)
        }
    }
}
