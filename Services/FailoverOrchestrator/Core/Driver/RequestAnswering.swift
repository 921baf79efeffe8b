import MessageBus
import Messages

/// Turns a request from the wire into an answer for it.
struct RequestAnswering: Sendable {
    let desk: ReplyDesk
    let identity: ServiceIdentity
    let startedAt: ContinuousClock.Instant

    func answer(_ request: IncomingRequest) async throws -> Envelope.OneOf_Body {
        do {
            let answer = try await desk.ask(try read(request)).get()
            let uptime = startedAt.duration(to: .now).components.seconds
            return answer.body(identity: identity, uptimeSeconds: uptime)
        } catch let error as OrchestratorError {
            throw error.remote
        }
    }

    private func read(_ request: IncomingRequest) throws -> OrchestratorRequest {
        switch request.body {
        case .orchestratorRequest(let wire):
            return try OrchestratorRequest(wire: wire, envelope: request.envelope)
        case .healthRequest:
            return .health
        case .vaultRequest, .policyRequest, .agentRequest:
            throw OrchestratorError(
                .unimplemented, "The failover orchestrator does not answer this request.",
                remedy: "Send it to the service it is meant for.")
        case .error, .heartbeat, .healthReply, .vaultReply, .vaultEvent, .policyReply, .agentReply,
            .orchestratorReply:
            throw OrchestratorError(.invalidArgument, "This is no request.", remedy: "Send a request.")
        }
    }
}

/// Who this service is, for health answers.
struct ServiceIdentity: Hashable, Sendable {
    var name: String
    var version: String
}
