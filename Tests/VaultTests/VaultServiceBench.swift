import Logging
import MessageBus
import Messages
import SwiftProtobuf
import Testing

@testable import Vault

/// The vault alone, in this process, on real sockets of the loopback interface, with a client beside it.
struct VaultServiceBench: Sendable {
    let service: VaultService
    let bus: MessageBus
    let client: RequestClient

    /// Starts a vault on the directory, runs the body, and stops it in order.
    static func use<Result: Sendable>(
        state: String, clock: any VaultClock = StandingClock(),
        _ body: @Sendable (VaultServiceBench) async throws -> Result
    ) async throws -> Result {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let settings = VaultSettings(
            state: state, listen: "tcp://127.0.0.1:*", publish: "tcp://127.0.0.1:*")
        let service = try await VaultService.start(settings: settings, clock: clock, logger: logger)
        let running = Task { try await service.run() }
        let bus = MessageBus(name: "test", logger: logger)
        let result: Swift.Result<Result, any Error>
        do {
            let client = try await bus.client(to: service.endpoints.listen)
            result = .success(try await body(VaultServiceBench(service: service, bus: bus, client: client)))
        } catch {
            result = .failure(error)
        }
        await bus.shutdown()
        service.stop()
        try await running.value
        return try result.get()
    }

    /// The same in a directory of its own.
    static func use<Result: Sendable>(
        clock: any VaultClock = StandingClock(), _ body: @Sendable (VaultServiceBench) async throws -> Result
    ) async throws -> Result {
        try await TemporaryDirectory.use { try await use(state: $0, clock: clock, body) }
    }

    @discardableResult
    func ask(
        _ request: VaultRequest.OneOf_Request, generation: UInt64 = 0, operation: OperationIdentifier = .random()
    ) async throws -> VaultReply.OneOf_Reply {
        try await client.vault(request, generation: generation, deadline: .seconds(60), operation: operation)
    }

    func snapshot() async throws -> Snapshot {
        guard case .snapshot(let snapshot) = try await ask(.getSnapshot(GetSnapshot())) else {
            throw TestFailure("another answer")
        }
        return snapshot
    }

    func protection(_ request: VaultRequest.OneOf_Request) async throws -> Bascule_V1_Protection {
        guard case .protection(let protection) = try await ask(request) else { throw TestFailure("another answer") }
        return protection
    }

    func audit(limit: UInt32 = 0) async throws -> [Bascule_V1_AuditEntry] {
        guard case .auditList(let list) = try await ask(.listAudit(.with { $0.limit = limit })) else {
            throw TestFailure("another answer")
        }
        return list.entries
    }
}

// MARK: - Requests, as an agent and an operator send them

extension VaultServiceBench {
    static func register(_ id: RegistryIdentifier, _ name: String) -> VaultRequest.OneOf_Request {
        .registerHost(
            .with {
                $0.host.id = id.text
                $0.host.name = name
                $0.host.cloud = "\(name)-cloud"
                $0.host.controlEndpoint = "tcp://127.0.0.1:7721"
                $0.host.capacity = VaultFixture.capacity().wire
                $0.site = name
                $0.createMissing = true
            })
    }

    static func report(
        _ names: [String], sequence: UInt64, host: RegistryIdentifier = VaultFixture.primary
    ) -> VaultRequest.OneOf_Request {
        .reportInventory(
            .with {
                $0.hostID = host.text
                $0.sequence = sequence
                $0.capacity = VaultFixture.capacity().wire
                $0.guests = names.map { VaultFixture.guest($0, on: host).wire }
            })
    }

    static func createSite(_ name: String) -> VaultRequest.OneOf_Request {
        .createSite(.with { $0.site.name = name })
    }

    static func pair(automatic: Bool = false) -> VaultRequest.OneOf_Request {
        .pairClouds(
            .with {
                $0.pair.sourceCloud = "primary-cloud"
                $0.pair.targetCloud = "secondary-cloud"
                $0.pair.policy = "gold"
                $0.pair.autoProtect = automatic
            })
    }

    static func protect(_ guest: String) -> VaultRequest.OneOf_Request { .protect(.with { $0.guest = guest }) }

    static func change(
        _ protection: Bascule_V1_Protection, to state: Bascule_V1_ProtectionState
    ) -> VaultRequest.OneOf_Request {
        .changeState(
            .with {
                $0.protection = protection.id
                $0.expectedVersion = protection.version
                $0.state = state
            })
    }

    static func advance(
        _ protection: Bascule_V1_Protection, _ step: Bascule_V1_FailoverStep, cycle: UInt64 = 0
    ) -> VaultRequest.OneOf_Request {
        .advanceFailover(
            .with {
                $0.protection = protection.id
                $0.expectedVersion = protection.version
                $0.run = VaultFixture.run.text
                $0.step = step
                $0.cycle = cycle
            })
    }

    /// Two hosts, paired, and guest `web` on the first.
    func prepare() async throws {
        try await ask(Self.register(VaultFixture.primary, "primary"))
        try await ask(Self.register(VaultFixture.secondary, "secondary"))
        try await ask(Self.pair())
        try await ask(Self.report(["web"], sequence: 1))
    }
}

/// Runs the body, but not for longer than the limit: a test that waits for what never comes fails and ends.
func within<Result: Sendable>(
    _ limit: Duration = .seconds(20), _ body: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    try await withThrowingTaskGroup(of: Result?.self) { group in
        group.addTask { try await body() }
        group.addTask {
            // Not a pause: the end of the wait, because what never comes makes no event.
            try await Task.sleep(for: limit)
            return nil
        }
        defer { group.cancelAll() }
        guard let first = try await group.next(), let result = first else {
            throw TestFailure("nothing came within \(limit)")
        }
        return result
    }
}
