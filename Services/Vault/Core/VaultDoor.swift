internal import MessageBus
internal import Messages
internal import ServiceRuntime
internal import SwiftProtobuf

/// Turns messages into the vault's own words and back. It decides nothing.
struct VaultDoor: Sendable {
    let keeper: VaultKeeper
    let startedAt: VaultMoment

    /// Throws ``RemoteError`` for every refusal.
    func answer(_ request: IncomingRequest, at moment: VaultMoment) async throws -> Envelope.OneOf_Body {
        switch request.body {
        case .vaultRequest(let body): return .vaultReply(try await answer(body, request.envelope))
        case .healthRequest: return .healthReply(await health(at: moment))
        case .policyRequest: throw Self.unimplemented("PolicyRequest", by: "the policy service")
        case .agentRequest: throw Self.unimplemented("AgentRequest", by: "a host agent")
        case .orchestratorRequest:
            throw Self.unimplemented("OrchestratorRequest", by: "the failover orchestrator")
        case .error, .heartbeat, .healthReply, .vaultReply, .vaultEvent, .policyReply, .agentReply,
            .orchestratorReply:
            throw Self.unimplemented("an envelope that is no request", by: "nobody")
        }
    }

    private func answer(_ body: VaultRequest, _ envelope: Envelope) async throws -> VaultReply {
        guard let wire = body.request else {
            throw RemoteError(
                .unimplemented, "The vault does not know this request.",
                remedy: "Use the same release on both sides.")
        }
        do throws(VaultError) {
            let origin = RequestOrigin(
                actor: TextRule.cut(envelope.sender), generation: envelope.generation,
                operation: [UInt8](envelope.operationID))
            let request = try RegistryRequest(wire: wire)
            switch try await keeper.handle(request, from: origin) {
            case .new(let answer): return .with { $0.reply = answer.wire }
            case .repeated(let encoded): return try VaultReply(encoded: encoded)
            }
        } catch {
            throw RemoteError(error)
        }
    }

    private func health(at moment: VaultMoment) async -> HealthReply {
        let health = await keeper.health()
        return .with {
            $0.service = "vault"
            $0.name = "vault"
            $0.version = BasculeVersion.current
            $0.level = health.level.wire
            $0.details = health.details
            let uptime = moment.uptimeMilliseconds.subtractingSaturating(startedAt.uptimeMilliseconds)
            $0.uptimeSeconds = Int64(uptime / 1_000)
        }
    }

    private static func unimplemented(_ request: String, by other: String) -> RemoteError {
        RemoteError(
            .unimplemented, "The vault does not answer \(request).", remedy: "It is answered by \(other).")
    }
}
