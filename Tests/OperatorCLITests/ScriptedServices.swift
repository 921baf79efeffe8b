import Logging
import MessageBus
import Messages
import Synchronization

@testable import OperatorCLI

/// Vault, policy service, orchestrator and one host agent in this process, on real sockets, answering from a script.
final class ScriptedServices: Sendable {
    typealias VaultScript = @Sendable (VaultRequest.OneOf_Request) throws -> VaultReply.OneOf_Reply
    typealias PolicyScript = @Sendable (PolicyRequest.OneOf_Request) throws -> PolicyReply.OneOf_Reply
    typealias OrchestratorScript =
        @Sendable (OrchestratorRequest.OneOf_Request) throws -> OrchestratorReply.OneOf_Reply
    typealias AgentScript = @Sendable (AgentRequest.OneOf_Request) throws -> AgentReply.OneOf_Reply

    let bus: MessageBus
    let vault: RequestServer
    let policy: RequestServer
    let orchestrator: RequestServer
    let agent: RequestServer

    private init(
        bus: MessageBus, vault: RequestServer, policy: RequestServer, orchestrator: RequestServer, agent: RequestServer
    ) {
        self.bus = bus
        self.vault = vault
        self.policy = policy
        self.orchestrator = orchestrator
        self.agent = agent
    }

    /// Runs `body` with the services up, and takes them down whatever happens.
    static func run(
        vault: @escaping VaultScript = { _ in throw unexpected },
        policy: @escaping PolicyScript = { _ in throw unexpected },
        orchestrator: @escaping OrchestratorScript = { _ in throw unexpected },
        agent: @escaping AgentScript = { _ in throw unexpected },
        _ body: (ScriptedServices) async throws -> Void
    ) async throws {
        let bus = MessageBus(name: "test/scripted", logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let services = ScriptedServices(
            bus: bus,
            vault: try await serve(on: bus, service: "vault") { body in
                guard case .vaultRequest(let request) = body, let asked = request.request else { throw unexpected }
                var reply = VaultReply()
                reply.reply = try vault(asked)
                return .vaultReply(reply)
            },
            policy: try await serve(on: bus, service: "policy") { body in
                guard case .policyRequest(let request) = body, let asked = request.request else { throw unexpected }
                var reply = PolicyReply()
                reply.reply = try policy(asked)
                return .policyReply(reply)
            },
            orchestrator: try await serve(on: bus, service: "orchestrator") { body in
                guard case .orchestratorRequest(let request) = body, let asked = request.request else {
                    throw unexpected
                }
                var reply = OrchestratorReply()
                reply.reply = try orchestrator(asked)
                return .orchestratorReply(reply)
            },
            agent: try await serve(on: bus, service: "agent") { body in
                guard case .agentRequest(let request) = body, let asked = request.request else { throw unexpected }
                var reply = AgentReply()
                reply.reply = try agent(asked)
                return .agentReply(reply)
            })
        let result: Result<Void, any Error>
        do { result = .success(try await body(services)) } catch { result = .failure(error) }
        await bus.shutdown()
        try result.get()
    }

    /// Runs a command line against these services.
    func bascule(_ arguments: String..., console: RecordingConsole = RecordingConsole()) async -> CommandStatus {
        await BasculeTool.run(
            arguments, console: console,
            environment: [
                "BASCULE_VAULT": vault.endpoint, "BASCULE_POLICY": policy.endpoint,
                "BASCULE_ORCHESTRATOR": orchestrator.endpoint, "USER": "tester",
            ])
    }

    static let unexpected = RemoteError(.unimplemented, "The script has no answer to this request.")

    private static func serve(
        on bus: MessageBus, service: String,
        answer: @escaping @Sendable (Envelope.OneOf_Body) throws -> Envelope.OneOf_Body
    ) async throws -> RequestServer {
        try await bus.serve(at: "tcp://127.0.0.1:*") { incoming in
            if case .healthRequest = incoming.body {
                var reply = HealthReply()
                reply.service = service
                reply.name = service
                reply.level = .normal
                reply.version = "0.1.0"
                return .healthReply(reply)
            }
            return try answer(incoming.body)
        }
    }
}
