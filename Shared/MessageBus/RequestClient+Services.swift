package import Messages

extension RequestClient {
    package func vault(
        _ request: VaultRequest.OneOf_Request, generation: UInt64 = 0, deadline: Duration = UsualDeadlines.request,
        operation: OperationIdentifier = .random(), trace: String = ""
    ) async throws -> VaultReply.OneOf_Reply {
        var body = VaultRequest()
        body.request = request
        let answer = try await call(
            .vaultRequest(body), generation: generation, deadline: deadline, operation: operation, trace: trace)
        return try expect(answer.vaultReply.reply, from: "VaultReply")
    }

    package func policy(
        _ request: PolicyRequest.OneOf_Request, generation: UInt64 = 0, deadline: Duration = UsualDeadlines.request,
        operation: OperationIdentifier = .random(), trace: String = ""
    ) async throws -> PolicyReply.OneOf_Reply {
        var body = PolicyRequest()
        body.request = request
        let answer = try await call(
            .policyRequest(body), generation: generation, deadline: deadline, operation: operation, trace: trace)
        return try expect(answer.policyReply.reply, from: "PolicyReply")
    }

    package func agent(
        _ request: AgentRequest.OneOf_Request, generation: UInt64 = 0, deadline: Duration = UsualDeadlines.request,
        operation: OperationIdentifier = .random(), trace: String = ""
    ) async throws -> AgentReply.OneOf_Reply {
        var body = AgentRequest()
        body.request = request
        let answer = try await call(
            .agentRequest(body), generation: generation, deadline: deadline, operation: operation, trace: trace)
        return try expect(answer.agentReply.reply, from: "AgentReply")
    }

    package func orchestrator(
        _ request: OrchestratorRequest.OneOf_Request, deadline: Duration = UsualDeadlines.request,
        operation: OperationIdentifier = .random(), trace: String = ""
    ) async throws -> OrchestratorReply.OneOf_Reply {
        var body = OrchestratorRequest()
        body.request = request
        let answer = try await call(
            .orchestratorRequest(body), deadline: deadline, operation: operation, trace: trace)
        return try expect(answer.orchestratorReply.reply, from: "OrchestratorReply")
    }

    package func health(deadline: Duration = .seconds(3)) async throws -> HealthReply {
        let answer = try await call(.healthRequest(HealthRequest()), deadline: deadline)
        guard case .healthReply(let reply) = answer.body else { return try expect(nil, from: "HealthReply") }
        return reply
    }

    /// A body of another kind reads as an empty one of this kind, so a missing reply covers both.
    private func expect<Reply>(_ reply: Reply?, from kind: String) throws -> Reply {
        if let reply { return reply }
        throw RemoteError(
            .internal, "The answer has no \(kind).",
            remedy: "Use the same release on both sides, and check which service listens at \(endpoint).",
            facts: ["origin": "caller", "endpoint": endpoint])
    }
}
