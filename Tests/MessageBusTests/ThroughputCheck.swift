import Foundation
import MessageBus
import Messages
import Testing

/// Prints rates instead of testing them: run by hand with `BASCULE_THROUGHPUT=1 swift test -c release --filter
/// ThroughputCheck`, on a machine that does nothing else.
@Suite(.enabled(if: ProcessInfo.processInfo.environment["BASCULE_THROUGHPUT"] != nil), .serialized)
struct ThroughputCheck {
    @Test(arguments: [1, 64]) func requestsPerSecond(inFlight: Int) async throws {
        try await withBus { bus in
            let server = try await bus.serve(at: anyPort) { request in answer(number(of: request.body) ?? 0) }
            let client = try await bus.client(to: server.endpoint)
            let total = 50_000
            let clock = ContinuousClock()
            let time = try await clock.measure {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<inFlight {
                        group.addTask {
                            for _ in 0..<total / inFlight { _ = try await client.call(numbered(1)) }
                        }
                    }
                    try await group.waitForAll()
                }
            }
            print("\(inFlight) in flight: \(Int(Double(total) / time.seconds)) requests per second")
        }
    }

    @Test(arguments: [64 << 10, 256 << 10, 1 << 20]) func bulkGigabytesPerSecond(recordBytes: Int) async throws {
        try await withBus { bus in
            let handler = CountingHandler()
            let server = try await bus.bulkServer(at: anyPort, handler: handler)
            let channel = try await bus.bulkChannel(to: server.endpoint)
            try await channel.open(helloForTests)
            let total = 8 << 30
            let clock = ContinuousClock()
            let time = try await clock.measure {
                // As a worker does: a new array for every record.
                for _ in 0..<total / recordBytes { try await channel.send([UInt8](repeating: 1, count: recordBytes)) }
                _ = try await channel.finish(digest: digestForTests)
            }
            print("records of \(recordBytes >> 10) KiB: \(Double(total) / time.seconds / 1e9) GB/s")
        }
    }
}

/// Takes records and lets them go.
private struct CountingHandler: BulkServerHandler, BulkTransferHandler {
    func transferOpened(_ hello: BulkHello) async throws -> any BulkTransferHandler { self }
    func record(_ record: BulkRecord) async throws {}
    func hashes(_ request: BulkHashRequest) async throws -> [UInt8] { [] }
    func finish(records: UInt64, digest: [UInt8]) async throws -> [UInt8] { digest }
    func ended(_ reason: BulkTransferEnd) async {}
}

extension Duration {
    fileprivate var seconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
