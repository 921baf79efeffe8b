import Messages
import RawSockets
import Repeatable
import SwiftProtobuf
import Testing

@testable import Vault

/// What a broken or hostile peer may send, over real sockets: a clear error or nothing, no change, and it goes on.
@Suite(.timeLimit(.minutes(2))) struct VaultGarbageTests {
    static let garbage: [[[UInt8]]] = [
        [[]], [[], []], [[0xFF]], [[], [0xFF, 0xFF, 0xFF]], [Array(repeating: 0x5A, count: 1 << 20)],
        [Array("GET / HTTP/1.1\r\n\r\n".utf8)], [[], [1], [2]], Array(repeating: [7], count: 50),
    ]

    @Test(arguments: garbage.indices)
    func garbageChangesNothingAndStopsNothing(index: Int) async throws {
        try await VaultServiceBench.use { bench in
            try await bench.prepare()
            let before = try await bench.snapshot()
            try await Self.send(Self.garbage[index], to: bench.service.endpoints.listen)
            #expect(try await bench.snapshot() == before)
        }
    }

    @Test func randomBytesChangeNothing() async throws {
        try await VaultServiceBench.use { bench in
            try await bench.prepare()
            let before = try await bench.snapshot()
            var generator = SeededRandom(seed: 42)
            for _ in 0..<150 {
                let count = Int.random(in: 0..<200, using: &generator)
                let frame = (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
                try await Self.send([[], frame], to: bench.service.endpoints.listen)
            }
            #expect(try await bench.snapshot() == before)
        }
    }

    @Test(arguments: [UInt32(0), 2, .max])
    func otherVersionIsRefusedAndChangesNothing(version: UInt32) async throws {
        try await VaultServiceBench.use { bench in
            var envelope = Self.createSite()
            envelope.protocolVersion = version
            let reply = try await Self.exchange([[], envelope.encoded()], bench)
            guard case .error(let error) = reply.body else { throw TestFailure("another answer") }
            #expect(error.code == .unsupportedVersion && reply.operationID == envelope.operationID)
            #expect(try await bench.snapshot().sites.isEmpty)
        }
    }

    @Test(arguments: [0, 15, 17])
    func operationIdentifierOfAnotherLengthIsRefused(count: Int) async throws {
        try await VaultServiceBench.use { bench in
            var envelope = Self.createSite()
            envelope.operationID = .init(repeating: 1, count: count)
            let reply = try await Self.exchange([[], envelope.encoded()], bench)
            guard case .error(let error) = reply.body else { throw TestFailure("another answer") }
            #expect(error.code == .invalidArgument)
            #expect(try await bench.snapshot().sites.isEmpty)
        }
    }

    @Test func emptyFrameBeforeTheEnvelopeIsOptional() async throws {
        try await VaultServiceBench.use { bench in
            for frames in [[Self.createSite("a").encoded()], [[], Self.createSite("b").encoded()]] {
                let reply = try await Self.exchange(frames, bench)
                #expect(reply.body == .vaultReply(.with { $0.done = Done() }))
            }
            #expect(try await bench.snapshot().sites.map(\.name) == ["a", "b"])
        }
    }

    @Test func frameTooManyIsNotObeyed() async throws {
        try await VaultServiceBench.use { bench in
            try await Self.send([[], Self.createSite().encoded(), [1]], to: bench.service.endpoints.listen)
            try await Self.send([[1], Self.createSite().encoded()], to: bench.service.endpoints.listen)
            #expect(try await bench.snapshot().sites.isEmpty)
        }
    }

    private static func createSite(_ name: String = "lab") -> Envelope {
        .request(
            .vaultRequest(.with { $0.createSite.site.name = name }), operation: .random(), timeLeft: .seconds(20),
            sender: "test")
    }

    /// One connection each, so that the order is kept: what follows on the same one has been read after it.
    private static func send(_ frames: [[UInt8]], to endpoint: String) async throws {
        let dealer = try RawDealer(to: endpoint)
        try dealer.send(frames)
        let heartbeat = Envelope.request(
            .heartbeat(Heartbeat()), operation: .random(), timeLeft: .seconds(20), sender: "test")
        try dealer.send([[], heartbeat.encoded()])
        while let frame = await dealer.receive() {
            if try Envelope(serializedBytes: frame).operationID == heartbeat.operationID { return }
        }
        throw TestFailure("the vault no longer answers")
    }

    private static func exchange(_ frames: [[UInt8]], _ bench: VaultServiceBench) async throws -> Envelope {
        let dealer = try RawDealer(to: bench.service.endpoints.listen)
        try dealer.send(frames)
        let frame = try #require(await dealer.receive())
        return try Envelope(serializedBytes: frame)
    }
}
