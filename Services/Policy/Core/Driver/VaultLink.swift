import Logging
import MessageBus
import Messages
import ServiceRuntime

/// The connection to the vault: its registry as snapshot and events, and this service's requests to it.
struct VaultLink: Sendable {
    let client: RequestClient
    let subscription: EventSubscription
    let inbox: EventInbox
    let logger: Logger

    /// Follows the registry until the task is cancelled. A vault that is away only delays.
    func follow(until stopping: StopSignal) async {
        while !stopping.isGiven, !Task.isCancelled {
            do {
                try await EventFollower(subscription, logger: logger).run(snapshot: takeSnapshot, apply: apply)
            } catch {
                logger.warning("the vault's events are followed anew", metadata: ["error": "\(error)"])
            }
            await stopping.sleep(for: .seconds(1))
        }
    }

    /// Tells the engine whether the vault is there, because silence is no event.
    func watch(until stopping: StopSignal) async {
        while !stopping.isGiven, !Task.isCancelled {
            switch await subscription.liveness {
            case .alive:
                inbox.post(.vaultSeen)
            case .silent:
                inbox.post(.vaultLost(PolicyError(.unavailable, "Nothing is heard from \(subscription.endpoint).")))
            case .unknown:
                break
            }
            await stopping.sleep(for: .seconds(2))
        }
    }

    /// Answers the protection as it is after the call, or nil, because `VaultCall.answer` has two cases without one.
    func ask(_ call: VaultCall) async -> Result<ProtectionEntry?, PolicyError> {
        do {
            let reply = try await client.vault(
                call.request, deadline: .milliseconds(PolicyLimits.vaultDeadlineMilliseconds))
            return .success(try call.answer(reply))
        } catch {
            return .failure(PolicyError(thrown: error))
        }
    }

    private func takeSnapshot() async throws -> EventPosition {
        do {
            let deadline = Duration.milliseconds(PolicyLimits.vaultDeadlineMilliseconds)
            let reply = try await client.vault(.getSnapshot(.init()), deadline: deadline)
            guard case .snapshot(let wire) = reply else {
                throw PolicyError(.internal, "The vault answered a request for a snapshot with something else.")
            }
            let snapshot = try RegistrySnapshot(wire: wire)
            await inbox.deliver(.registryTaken(snapshot))
            return EventPosition(epoch: snapshot.position.epoch, number: snapshot.position.number)
        } catch {
            inbox.post(.registryRefused(PolicyError(thrown: error)))
            throw error
        }
    }

    private func apply(_ event: VaultEvent) async throws {
        guard let change = try RegistryChange(wire: event) else { return }
        await inbox.deliver(.registryChanged(change))
    }
}
