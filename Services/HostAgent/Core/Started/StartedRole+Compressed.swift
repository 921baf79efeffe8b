import Logging
import Replica

/// Guests that run from a view upon adopted images with compressed clusters, as cloud images come: these are not written
/// beneath a view, so such a guest is committed while it is off.
extension StartedRole {
    /// Settles on the point that a guest runs from, its view ended meanwhile if need be.
    /// - Parameter known: nil when no view is in the way.
    /// - Throws: `HostAgentError` with rule `compressed` when the guest is on and needs the view; nothing was begun then.
    func makingWay<Value>(
        for known: StartedReplica?, _ protection: String, _ replica: Replica, _ settle: () async throws -> Value
    ) async throws -> Value {
        guard let known, known.needsView, replica.settlesWithoutViews(on: known.order.cycle) else {
            return try await settle()
        }
        guard try await isOff(known.guest) else { throw HostAgentError.compressed(known) }
        await views.end(socket: known.viewSocket)
        do {
            let value = try await settle()
            await serveAgain(known, protection)
            return value
        } catch {
            await serveAgain(known, protection)
            throw error
        }
    }

    /// Somebody may start the guest meanwhile: then it waits for its view, and gets it.
    private func serveAgain(_ known: StartedReplica, _ protection: String) async {
        do {
            try await views.ensure(view(of: known, protection))
        } catch {
            logger.error("view of a guest not served", metadata: ["protection": "\(protection)", "error": "\(error)"])
        }
    }
}

extension HostAgentError {
    fileprivate static func compressed(_ known: StartedReplica) -> HostAgentError {
        HostAgentError(
            .failedPrecondition,
            "The disks beneath guest \(known.guestName) hold compressed clusters, so nothing can be written to them while it "
                + "runs from a view.",
            remedy: "Shut the guest off, commit again, and start it: from then on it runs on its own disks.",
            facts: ["rule": "compressed", "cycle": "\(known.order.cycle)"])
    }
}
