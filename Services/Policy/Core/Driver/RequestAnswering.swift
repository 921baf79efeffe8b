import MessageBus
import Messages

/// Turns a request from the wire into an answer for it.
struct RequestAnswering: Sendable {
    let desk: ReplyDesk
    let identity: ServiceIdentity
    let startedAt: ContinuousClock.Instant

    func answer(_ request: IncomingRequest) async throws -> Envelope.OneOf_Body {
        do {
            let answer = try await desk.ask(try read(request.body)).get()
            let uptime = startedAt.duration(to: .now).components.seconds
            return answer.body(identity: identity, uptimeSeconds: uptime)
        } catch let error as PolicyError {
            throw error.remote
        }
    }

    private func read(_ body: Envelope.OneOf_Body) throws -> ServiceRequest {
        switch body {
        case .policyRequest(let wire):
            return try ServiceRequest(wire: wire)
        case .healthRequest:
            return .health
        case .vaultRequest, .agentRequest, .orchestratorRequest:
            throw PolicyError(
                .unimplemented, "The policy service does not answer this request.",
                remedy: "Send it to the service it is meant for.")
        case .error, .heartbeat, .healthReply, .vaultReply, .vaultEvent, .policyReply, .agentReply,
            .orchestratorReply:
            throw PolicyError(.invalidArgument, "This is no request.", remedy: "Send a request.")
        }
    }
}
