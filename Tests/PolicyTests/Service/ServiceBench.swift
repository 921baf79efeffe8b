import Eventually
import Foundation
import LocalPorts
import Logging
import MessageBus
import Messages
import SwiftProtobuf

@testable import Policy

/// The policy service alone, in this process, over real sockets, between a scripted vault and two scripted agents.
final class ServiceBench: Sendable {
    static let protection = "11111111-1111-4111-8111-111111111111"

    let bus: MessageBus
    let vault: FakeVault
    let source: FakeAgent
    let target: FakeAgent
    let state: String
    let logger: Logger

    /// A running service and a client of it.
    struct Running: Sendable {
        let service: PolicyService
        let client: RequestClient
        let task: Task<Void, any Error>

        /// Stops it as SIGTERM would.
        func stop() async throws {
            service.stop()
            try await task.value
        }

        func ask(_ request: PolicyRequest.OneOf_Request) async throws -> PolicyReply.OneOf_Reply {
            try await client.policy(request, deadline: .seconds(60))
        }

        /// So that the health of a protection whose jobs wait is what the test asks for, and not the age of its points.
        func makePointsLateAfterMinutes() async throws {
            var slow = ServiceBench.fast
            slow.frequencySeconds = 60
            _ = try await ask(.putPolicy(.with { $0.policy = slow }))
        }

        func status(_ name: String = ServiceBench.protection) async throws -> ProtectionStatus? {
            do {
                guard case .statuses(let list) = try await ask(.getStatus(.with { $0.protection = name })) else {
                    return nil
                }
                return list.statuses.first
            } catch let error as RemoteError where error.code == .notFound {
                return nil
            }
        }

        /// What became of the newest cycles.
        func history() async throws -> [Messages.CycleReport] {
            let request = GetHistory.with {
                $0.protection = ServiceBench.protection
                $0.limit = 50
            }
            guard case .history(let history) = try await ask(.getHistory(request)) else { return [] }
            return history.cycles
        }

        /// Waits for a point of at least this cycle.
        @discardableResult
        func point(_ cycle: UInt64) async throws -> ProtectionStatus {
            try await eventually("a point of cycle \(cycle) or later") {
                guard let status = try await status(), status.newestCycle >= cycle else { return nil }
                return status
            }
        }

        func worker(_ id: String = "worker-1", slots: UInt32 = 2) -> FakeWorker {
            FakeWorker(client: client, id: id, slots: slots)
        }
    }

    static func use(_ body: (ServiceBench) async throws -> Void) async throws {
        let logger = Logger(label: "test") { label in
            var handler = StreamLogHandler.standardError(label: label)
            handler.logLevel = ProcessInfo.processInfo.environment["BASCULE_TEST_LOG"] == nil ? .critical : .debug
            return handler
        }
        let state = "/tmp/bsc-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: state, withIntermediateDirectories: true)
        let bus = MessageBus(name: "test", logger: logger)
        let outcome: Result<Void, any Error>
        do {
            let bench = ServiceBench(
                bus: bus, vault: try await FakeVault.start(bus), source: try await FakeAgent.start(bus),
                target: try await FakeAgent.start(bus), state: state, logger: logger)
            bench.vault.setTopology(
                source: bench.source.endpoint, target: bench.target.endpoint, policy: "fast")
            outcome = .success(try await body(bench))
        } catch {
            outcome = .failure(error)
        }
        await bus.shutdown()
        try FileManager.default.removeItem(atPath: state)
        try outcome.get()
    }

    private init(
        bus: MessageBus, vault: FakeVault, source: FakeAgent, target: FakeAgent, state: String, logger: Logger
    ) {
        self.bus = bus
        self.vault = vault
        self.source = source
        self.target = target
        self.state = state
        self.logger = logger
    }

    /// Starts the service on the same database each time.
    func start(vault endpoint: String? = nil, jobLimits: JobLimits = JobLimits()) async throws -> Running {
        let settings = PolicyServiceSettings(
            state: state, listen: LocalPorts.endpoint(), vault: endpoint ?? vault.endpoint, vaultEvents: vault.events,
            jobLimits: jobLimits)
        let service = try await PolicyService.start(settings: settings, logger: logger)
        // Awaited by `stop`, and ended by it.
        let task = Task { try await service.run() }
        return Running(service: service, client: try await bus.client(to: service.endpoint), task: task)
    }

    /// A service with the policy `fast` of one second and one protection.
    func startProtected(jobLimits: JobLimits = JobLimits()) async throws -> Running {
        let running = try await start(jobLimits: jobLimits)
        _ = try await running.ask(.putPolicy(.with { $0.policy = Self.fast }))
        await vault.protect(Self.protection)
        return running
    }

    static let fast = ReplicationPolicy.with {
        $0.name = "fast"
        $0.frequencySeconds = 1
        $0.retention.everyCycleSeconds = 60
    }
}
