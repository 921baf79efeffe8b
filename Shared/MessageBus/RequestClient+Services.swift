package import Messages

extension RequestClient {
    package func vault(
        _ request: VaultRequest.OneOf_Request, generation: UInt64 = 0, deadline: Duration = .seconds(10),
        operation: OperationIdentifier = .random(), trace: String = ""
    ) async throws -> VaultReply.OneOf_Reply {
        var body = VaultRequest()
        body.request = request
        let envelope = try await call(
            .vaultRequest(body), generation: generation, deadline: deadline, operation: operation, trace: trace)
        guard case .vaultReply(let answer) = envelope.body, let reply = answer.reply else {
            throw unexpectedReply(to: "VaultRequest")
        }
        return reply
    }

    package func policy(
        _ request: PolicyRequest.OneOf_Request, generation: UInt64 = 0, deadline: Duration = .seconds(10),
        operation: OperationIdentifier = .random(), trace: String = ""
    ) async throws -> PolicyReply.OneOf_Reply {
        var body = PolicyRequest()
        body.request = request
        let envelope = try await call(
            .policyRequest(body), generation: generation, deadline: deadline, operation: operation, trace: trace)
        guard case .policyReply(let answer) = envelope.body, let reply = answer.reply else {
            throw unexpectedReply(to: "PolicyRequest")
        }
        return reply
    }

    package func agent(
        _ request: AgentRequest.OneOf_Request, generation: UInt64 = 0, deadline: Duration = .seconds(10),
        operation: OperationIdentifier = .random(), trace: String = ""
    ) async throws -> AgentReply.OneOf_Reply {
        var body = AgentRequest()
        body.request = request
        let envelope = try await call(
            .agentRequest(body), generation: generation, deadline: deadline, operation: operation, trace: trace)
        guard case .agentReply(let answer) = envelope.body, let reply = answer.reply else {
            throw unexpectedReply(to: "AgentRequest")
        }
        return reply
    }

    package func health(deadline: Duration = .seconds(3)) async throws -> HealthReply {
        let envelope = try await call(.healthRequest(HealthRequest()), deadline: deadline)
        guard case .healthReply(let reply) = envelope.body else { throw unexpectedReply(to: "HealthRequest") }
        return reply
    }

    private func unexpectedReply(to request: String) -> RemoteError {
        RemoteError(
            .internal, "The answer to \(request) is of another kind.",
            remedy: "Use the same release on both sides, and check which service listens at \(endpoint).",
            facts: ["origin": "caller", "endpoint": endpoint])
    }
}
