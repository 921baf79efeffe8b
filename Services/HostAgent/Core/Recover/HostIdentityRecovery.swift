import BlockDevice
import FoundationEssentials
package import Logging
import MessageBus
import Messages

/// Gives an agent whose database was lost the identity back under which the vault knows its host.
///
/// Without it the agent is a new host, and the vault refuses it, because its name is taken. Two hosts must never run under
/// one identity, so it is taken only by an agent that is stopped, of the name that the vault knows, while nobody reports
/// under it; and it is taken in a new incarnation, so that the machine that had it before is refused when it comes back.
package enum HostIdentityRecovery {
    /// What became of it.
    package enum Outcome: Sendable, Equatable {
        case taken(String)
        /// This agent is that host already.
        case had(String)
    }

    /// - Parameter name: of the host, once more, because whoever types it has looked which one it is.
    /// - Throws: `HostAgentError` when the identity must not be taken, `RemoteError` when the vault does not answer.
    package static func take(
        _ name: String, settings: HostAgentSettings, logger: Logger
    ) async throws -> Outcome {
        guard name == settings.name else {
            throw HostAgentError(
                .invalidArgument, "These are the settings of host \(settings.name), and not of \(name).",
                remedy: "Name the host whose settings they are.")
        }
        return try await withState(settings) { store in
            let registry = try await registry(settings, logger)
            guard let known = registry.hosts.first(where: { $0.name == name }) else {
                throw HostAgentError(
                    .notFound, "The vault knows no host \(name), so there is no identity to take.",
                    remedy: "Start the agent; it registers by itself.")
            }
            let own = try await store.knownHostIdentifier()
            let incarnation = try await store.hostIncarnation()
            if own == known.id, incarnation >= known.incarnation { return .had(known.id) }
            try check(known, own: own, registry)
            guard known.incarnation < UInt64(Int64.max) else {
                throw HostAgentError(
                    .failedPrecondition, "The vault counts no further incarnation of host \(name).",
                    remedy: "Let the vault forget the host and start its agent: bascule hosts remove \(name)")
            }
            try await store.replaceHostIdentifier(with: known.id, incarnation: known.incarnation + 1)
            return .taken(known.id)
        }
    }

    private static func check(_ known: Messages.Host, own: String?, _ registry: Snapshot) throws {
        if let other = registry.hosts.first(where: { $0.id == own && $0.id != known.id }) {
            throw HostAgentError(
                .failedPrecondition, "This agent is host \(other.name) of the vault, and has lost nothing.",
                remedy: "To give it another name, let the vault forget the host that has it: bascule hosts remove "
                    + "\(known.name)",
                facts: ["identifier": other.id])
        }
        guard !known.reachable else {
            throw HostAgentError(
                .failedPrecondition, "A host \(known.name) reports to the vault, and two must not be one.",
                remedy: "If that was the agent here, just before it was stopped, try again in half a minute. Otherwise "
                    + "give this host another name in its settings.",
                facts: ["identifier": known.id, "endpoint": known.controlEndpoint])
        }
    }

    /// With the state directory held, so that no agent runs on it meanwhile.
    private static func withState<Result: Sendable>(
        _ settings: HostAgentSettings, _ body: (AgentStore) async throws -> Result
    ) async throws -> Result {
        let (store, lock) = try await BlockingThreads(name: "identity", threads: 1).run {
            try FileManager.default.createDirectory(
                atPath: settings.state, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o711])
            guard let lock = try StateLock.attempt(settings.state) else {
                throw HostAgentError(
                    .conflict, "The agent of this host runs.", remedy: "Stop it first.",
                    facts: ["state": settings.state])
            }
            return (try AgentStore.open(settings), lock)
        }
        defer { lock.release() }
        return try await body(store)
    }

    private static func registry(_ settings: HostAgentSettings, _ logger: Logger) async throws -> Snapshot {
        let bus = MessageBus(name: "identity/\(settings.name)", logger: logger)
        do {
            let vault = try await bus.client(to: settings.vault)
            let reply = try await vault.vault(.getSnapshot(GetSnapshot()), deadline: HostAgentLimits.reportDeadline)
            guard case .snapshot(let snapshot) = reply else {
                throw RemoteError(.internal, "The vault answered something else than was asked.")
            }
            await bus.shutdown()
            return snapshot
        } catch {
            await bus.shutdown()
            throw error
        }
    }
}
