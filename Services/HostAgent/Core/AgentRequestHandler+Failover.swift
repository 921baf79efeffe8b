import FoundationEssentials
import Hypervisor
import Messages

/// Requests about sides and started replicas.
extension AgentRequestHandler {
    func setSide(_ request: SetSide, generation: UInt64) async throws -> AgentReply.OneOf_Reply {
        try await sides.set(
            try protection(request.protection), try SideStateMachine.Order(request, generation: generation))
        return .done(AgentDone())
    }

    func stopGuest(_ request: StopGuest, generation: UInt64) async throws -> AgentReply.OneOf_Reply {
        let protection = try protection(request.protection)
        return .guestStopped(
            GuestStopped(try await power.stop(request, protection: protection, generation: generation)))
    }

    func startGuest(_ request: StartGuest, generation: UInt64) async throws -> AgentReply.OneOf_Reply {
        try await power.start(
            guest: try RequiredField.uuid(request.guestUuid, "guest_uuid").uuidString.lowercased(),
            protection: try protection(request.protection), generation: generation)
        return .done(AgentDone())
    }

    func startReplica(
        _ request: StartReplica, generation: UInt64, arrival: ContinuousClock.Instant
    ) async throws -> AgentReply.OneOf_Reply {
        let order = try StartedReplica.Order(request, generation: generation)
        let guest = try await started.start(
            try protection(request.protection), order,
            networks: request.networks.map { ReplicaGuestRequest.Network($0, for: order.purpose) }, arrival: arrival)
        return .replicaStarted(ReplicaStarted(guest))
    }

    func stopReplica(_ request: StopReplica, generation: UInt64) async throws -> AgentReply.OneOf_Reply {
        try await started.stop(
            try protection(request.protection), try StartedReplica.Purpose(request.purpose),
            verdict: try TestVerdict(request), generation: try requiredGeneration(generation))
        return .done(AgentDone())
    }

    func adoptDisks(_ request: AdoptDisks, generation: UInt64) async throws -> AgentReply.OneOf_Reply {
        try await started.adopt(
            try protection(request.protection),
            try StartedRole.AdoptionOrder(request, generation: generation))
        return .done(AgentDone())
    }

    /// Whoever unprotects ends what was withheld, too. A replica that is kept goes on without its side.
    func releaseSource(_ request: ReleaseSource, generation: UInt64) async throws -> AgentReply.OneOf_Reply {
        let protection = try protection(request.protection)
        try await started.requireReleasable(protection)
        try await source.release(
            protection: protection,
            guest: try RequiredField.uuid(request.guestUuid, "guest_uuid").uuidString.lowercased(),
            generation: generation)
        let side = await sides.side(of: protection)
        if let outliving = SideKnowledge.outliving(side, releasedAt: generation) {
            try await target.remember(outliving, protection)
        }
        try await sides.end(protection)
        return .done(AgentDone())
    }

    func deleteReplica(_ request: DeleteReplica, generation: UInt64) async throws -> AgentReply.OneOf_Reply {
        let protection = try protection(request.protection)
        try await started.delete(protection, generation: generation)
        try await sides.end(protection)
        return .done(AgentDone())
    }
}
