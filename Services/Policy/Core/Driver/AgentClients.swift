import MessageBus
import Messages

/// One connection per agent, made when it is first needed and kept. Beyond the limit the one unused longest is closed.
actor AgentClients {
    private struct Entry {
        var client: RequestClient
        var lastUse: UInt64
    }

    private let bus: MessageBus
    private var entries: [String: Entry] = [:]
    private var uses: UInt64 = 0

    init(bus: MessageBus) { self.bus = bus }

    /// Asks an agent; whatever goes wrong is an answer too.
    nonisolated func ask(_ order: AgentOrder) async -> Result<AgentAnswer, PolicyError> {
        do {
            let client = try await client(to: order.endpoint)
            let reply = try await client.agent(
                order.call.request(of: order.protection), generation: order.generation,
                deadline: .milliseconds(order.call.deadlineMilliseconds), trace: order.protection.text)
            return .success(try order.call.answer(reply))
        } catch {
            return .failure(failure(error, order))
        }
    }

    /// In the host's name when the host said it.
    private nonisolated func failure(_ error: any Error, _ order: AgentOrder) -> PolicyError {
        let failure = PolicyError(thrown: error)
        return error is RemoteError ? failure.said(by: order.hostName) : failure
    }

    private func client(to endpoint: String) async throws -> RequestClient {
        uses += 1
        if entries[endpoint] == nil {
            let client = try await bus.client(to: endpoint)
            // Another call may have made one meanwhile.
            if entries[endpoint] != nil {
                await client.close()
            } else {
                entries[endpoint] = Entry(client: client, lastUse: uses)
                await closeUnused()
            }
        }
        guard let entry = entries[endpoint] else {
            throw PolicyError(.unavailable, "The connection to \(endpoint) was closed for another one.")
        }
        entries[endpoint]?.lastUse = uses
        return entry.client
    }

    private func closeUnused() async {
        guard entries.count > PolicyLimits.agentClientsMaximum,
            let oldest = entries.min(by: { $0.value.lastUse < $1.value.lastUse })?.key,
            let entry = entries.removeValue(forKey: oldest)
        else { return }
        await entry.client.close()
    }
}
