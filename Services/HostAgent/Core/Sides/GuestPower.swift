import FoundationEssentials
import Hypervisor
import Messages

/// Stops and starts the guest that this host has, by command.
struct GuestPower: Sendable {
    let sides: SideRole
    let target: TargetRole
    let hypervisor: any HypervisorDriver
    let started: StartedRole

    /// Returns when the guest is off. The side may be either: a guest is also stopped to end what a lost side does.
    func stop(_ request: StopGuest, protection: String, generation: UInt64) async throws -> StoppedGuest {
        let guest = try RequiredField.uuid(request.guestUuid, "guest_uuid").uuidString.lowercased()
        try await check(protection, guest: guest, generation: generation)
        guard request.shutdownLimitMs <= HostAgentLimits.shutdownLimitMillisecondsMaximum else {
            throw RemoteError(
                .invalidArgument,
                "shutdown_limit_ms is more than \(HostAgentLimits.shutdownLimitMillisecondsMaximum).",
                facts: ["field": "shutdown_limit_ms", "value": "\(request.shutdownLimitMs)"])
        }
        let limit =
            request.shutdownLimitMs == 0
            ? HostAgentLimits.shutdownLimitMillisecondsDefault : request.shutdownLimitMs
        do {
            try await sides.willShutDown(protection, guest: guest)
            let stopped = try await hypervisor.stopGuest(
                guest, shutdownLimit: .milliseconds(Int64(limit)), destroysAfterLimit: try destroys(request))
            // Whoever adopts the disks later as exactly the last point has to know that nobody wrote to them since.
            try await started.noteStopped(guest, of: protection)
            return stopped
        } catch let error as HypervisorError where error.code == .guestNotFound {
            // What is not defined does not run: what it wrote may have been taken into a replica already.
            return StoppedGuest(wasRunning: false, wasForced: false)
        } catch let error as HypervisorError where error.code == .shutdownTimedOut {
            var answer = RemoteError(answering: error)
            // Of an unknown side nothing is remembered.
            if await sides.side(of: protection) != nil {
                answer.message +=
                    " Told to run on, it is started again here when it goes off within "
                    + "\(HostAgentLimits.lateShutdownMilliseconds / 60_000) min."
            }
            throw answer
        }
    }

    /// A choice that was not made is the one that harms nobody.
    private func destroys(_ request: StopGuest) throws -> Bool {
        switch request.whenShutdownFails {
        case .unspecified, .stop: return false
        case .destroy: return true
        case .UNRECOGNIZED(let number):
            throw RemoteError(
                .invalidArgument, "when_shutdown_fails is not set to a known value.",
                facts: ["field": "when_shutdown_fails", "value": "\(number)"])
        }
    }

    /// A guest that runs already is what was wanted; one that may yet shut down, because it was told to, is started again.
    func start(guest: String, protection: String, generation: UInt64) async throws {
        try await check(protection, guest: guest, generation: generation)
        try await sides.requireActive(protection, generation: generation)
        guard !(try await sides.wantsOn(protection, guest: guest)) else { return }
        // Disks that were adopted, and to which nothing was replicated since, are the guest's own as it left them: the
        // failover that adopted them was cancelled.
        if try await target.holdsAdopted(protection), !(try await target.releaseUntouched(protection)) {
            throw HostAgentError(
                .failedPrecondition, "The guest's disks are the base of a replica.",
                remedy: "Start the replica on its base, which brings the disks to a point and lets go of them.",
                facts: ["rule": "adopted"])
        }
        try await hypervisor.start(guest: guest)
    }

    private func check(_ protection: String, guest: String, generation: UInt64) async throws {
        guard generation > 0 else {
            throw HostAgentError(
                .invalidArgument, "The command carries no generation.",
                remedy: "Put the protection's generation into the envelope.")
        }
        guard let side = await sides.side(of: protection) else { return }
        guard side.generation <= generation else {
            throw HostAgentError.staleGeneration(generation, seen: side.generation)
        }
        guard side.guest == guest else {
            throw HostAgentError(
                .conflict, "The protection is of another guest.",
                remedy: "Read the protection from the vault again.", facts: ["held": side.guest, "given": guest])
        }
    }
}
