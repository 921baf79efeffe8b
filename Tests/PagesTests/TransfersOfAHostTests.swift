import LocalPorts
import Logging
import MessageBus
import Messages
import Testing

@testable import HostAgent
@testable import Policy

/// The jobs that the job board lets run at one host are transfers to the agent there.
@Suite(.timeLimit(.minutes(4))) struct TransfersOfAHostTests {
    private struct Welcoming: BulkServerHandler, BulkTransferHandler {
        func transferOpened(_ hello: BulkHello) async throws -> any BulkTransferHandler { self }
        func record(_ record: BulkRecord) async throws {}
        func hashes(_ request: BulkHashRequest) async throws -> [UInt8] { [] }
        func finish(records: UInt64, digest: [UInt8]) async throws -> [UInt8] { digest }
        func ended(_ reason: BulkTransferEnd) async {}
    }

    @Test func allOfThemAreWelcomed() async throws {
        let bus = MessageBus(name: "test/bus", logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        do {
            let server = try await bus.bulkServer(
                at: LocalPorts.endpoint(), limits: HostAgentLimits.bulkServer, handler: Welcoming())
            let bytes = [UInt8](repeating: 1, count: 16)
            for attempt in 1...UInt32(JobLimits.perHostDefault) {
                let channel = try await bus.bulkChannel(to: server.endpoint)
                try await channel.open(BulkHello(token: bytes, job: bytes, attempt: attempt))
            }
            #expect(await server.statistics.transfersNow == JobLimits.perHostDefault)
        } catch {
            await bus.shutdown()
            throw error
        }
        await bus.shutdown()
    }
}
