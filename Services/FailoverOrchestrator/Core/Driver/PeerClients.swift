import MessageBus
import Messages

/// Connections to the vault, the policy service, and the agents that runs have to do with.
///
/// The registry is asked for whenever a step needs it, and not followed: a run makes a dozen calls, each of which has to
/// be right at its own instant, and a copy that may be behind would have to be checked against the vault all the same.
actor PeerClients {
    private struct Entry {
        var client: RequestClient
        var lastUse: UInt64
    }

    private let bus: MessageBus
    private let vault: RequestClient
    private let policy: RequestClient
    private var agents: [String: Entry] = [:]
    private var uses: UInt64 = 0

    init(bus: MessageBus, vault: RequestClient, policy: RequestClient) {
        self.bus = bus
        self.vault = vault
        self.policy = policy
    }

    /// Asks; whatever goes wrong is an answer too.
    nonisolated func ask(_ order: RunOrder) async -> Result<RunAnswer, OrchestratorError> {
        let deadline = Duration.milliseconds(order.deadlineMilliseconds)
        let operation = order.operation.map { seed in
            let (high, low) = seed.halves
            return OperationIdentifier(high: high, low: low)
        }
        do {
            switch order.request {
            case .vault(let request):
                let reply = try await vault.vault(
                    request, generation: order.generation, deadline: deadline, operation: operation ?? .random(),
                    trace: order.run)
                return .success(try order.call.answer(reply))
            case .policy(let request):
                let reply = try await policy.policy(
                    request, generation: order.generation, deadline: deadline, operation: operation ?? .random(),
                    trace: order.run)
                return .success(try order.call.answer(reply))
            case .agent(let request):
                let reply = try await agent(at: order.endpoint).agent(
                    request, generation: order.generation, deadline: deadline, operation: operation ?? .random(),
                    trace: order.run)
                return .success(try order.call.answer(reply))
            }
        } catch {
            return .failure(OrchestratorError(thrown: error).tellingCause)
        }
    }

    nonisolated func readRegistry() async -> Result<RegistryView, OrchestratorError> {
        do {
            let reply = try await vault.vault(
                .getSnapshot(.init()), deadline: .milliseconds(OrchestratorLimits.vaultDeadlineMilliseconds))
            guard case .registry(let registry) = try RunCall.snapshot.answer(reply) else {
                throw OrchestratorError(.internal, "The vault answered with something else than a snapshot.")
            }
            return .success(registry)
        } catch {
            var error = OrchestratorError(thrown: error)
            if error.facts["origin"] == "caller" {
                error.message = "The vault does not answer. \(error.message)"
                error.remedy =
                    "Start the vault; when it is lost, “bascule recover” on the target host starts a guest without it."
            }
            return .failure(error)
        }
    }

    private func agent(at endpoint: String) async throws -> RequestClient {
        uses += 1
        if agents[endpoint] == nil {
            let client = try await bus.client(to: endpoint)
            // Another call may have made one meanwhile.
            if agents[endpoint] != nil {
                await client.close()
            } else {
                agents[endpoint] = Entry(client: client, lastUse: uses)
                await closeUnused()
            }
        }
        guard let entry = agents[endpoint] else {
            throw OrchestratorError(.unavailable, "The connection to \(endpoint) was closed for another one.")
        }
        agents[endpoint]?.lastUse = uses
        return entry.client
    }

    private func closeUnused() async {
        guard agents.count > OrchestratorLimits.agentClientsMaximum,
            let oldest = agents.min(by: { $0.value.lastUse < $1.value.lastUse })?.key,
            let entry = agents.removeValue(forKey: oldest)
        else { return }
        await entry.client.close()
    }
}
