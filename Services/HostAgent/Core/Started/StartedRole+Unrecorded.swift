import FoundationEssentials
import Hypervisor
import Logging
import Replica

/// Guests of which more may be lost than is known: one that goes on from a start that was cut off, and one whose record
/// is gone, because somebody removed a file that could not be read. The manifest still says that it runs.
///
/// Such a guest is taken over by a start from its point, and left as it is. It is stopped only when it is off, because
/// whoever asks believes otherwise that it ended, and starts the other side.
extension StartedRole {
    /// Whether what a start made before this one may hold writes that nobody else has. Where that cannot be known it may.
    func mayHaveRun(_ begun: StartedReplica, _ protection: String) async -> Bool {
        do {
            return try await hypervisor.replicaGuestMayHaveRun(in: directory(of: protection, begun.order.purpose))
        } catch {
            logger.warning(
                "not known whether a guest ran", metadata: ["protection": "\(protection)", "error": "\(error)"])
            return true
        }
    }

    /// What is to be started upon, when a failover has no record; nil: nothing runs.
    func unrecorded(
        _ protection: String, _ replica: Replica, upon order: StartedReplica.Order
    ) async throws -> StartedReplica? {
        guard order.purpose == .failover, let known = try unrecorded(protection, replica) else { return nil }
        if known.order.cycle != order.cycle, await mayHaveRun(known, protection) {
            throw recordIsGone(known, protection)
        }
        return known
    }

    /// What is to be stopped, when a failover has no record; nil: nothing runs. A replica that cannot be opened has
    /// started nothing, because it is opened before anything is recorded.
    func unrecordedAndOff(_ protection: String) async throws -> StartedReplica? {
        let replica: Replica
        do {
            guard try await target.exists(protection) else { return nil }
            replica = try await target.replica(of: protection)
        } catch let error as ReplicaError {
            logger.warning(
                "nothing to stop in a replica that is not opened",
                metadata: ["protection": "\(protection)", "error": "\(error)"])
            return nil
        }
        guard let known = try unrecorded(protection, replica) else { return nil }
        guard try await isOff(known.guest) else { throw recordIsGone(known, protection) }
        return known
    }

    /// As its record would be: begun, and not known to have ended.
    private func unrecorded(_ protection: String, _ replica: Replica) throws -> StartedReplica? {
        guard let running = replica.runningCycle else { return nil }
        let described = try replica.describe()
        let isOnBase = replica.handedOverCycle != nil
        return StartedReplica(
            order: .init(
                purpose: .failover, cycle: running, generation: described.generation, onBase: isOnBase),
            guest: described.guest.uuidString.lowercased(), guestName: described.guestName,
            viewSocket: isOnBase ? "" : viewSocket(of: protection, .failover))
    }

    private func recordIsGone(_ known: StartedReplica, _ protection: String) -> HostAgentError {
        HostAgentError(
            .failedPrecondition,
            "Guest \(known.guestName) was started from point \(known.order.cycle), and its record is gone: "
                + "\(records.path(of: protection, .failover)).",
            remedy: "Start the replica from point \(known.order.cycle) (`bascule-agent recover --config FILE start "
                + "\(protection) --cycle \(known.order.cycle)`), which takes the guest over as it is and writes the "
                + "record anew. Or shut that guest off on this host and stop the replica: what it wrote is then lost.",
            facts: ["runningCycle": "\(known.order.cycle)", "guest": known.guest])
    }

    func viewSocket(of protection: String, _ purpose: StartedReplica.Purpose) -> String {
        let identifier = protection.filter { $0 != "-" }.prefix(16)
        switch purpose {
        case .test: return "\(settings.guestViewsDirectory)/\(identifier)-t.sock"
        case .failover: return "\(settings.guestViewsDirectory)/\(identifier).sock"
        }
    }
}
