import Hypervisor
import Logging

/// Guests that are told to shut down, and those that are wanted on all the same.
extension SideRole {
    /// To be called before a command tells the guest to shut down: durable, because that cannot be taken back.
    func willShutDown(_ protection: String, guest: String) async throws {
        try await lock.withLock(protection) { try await tell(protection, guest: guest) }
    }

    /// - Precondition: the caller has the protection's lock.
    private func tell(_ protection: String, guest: String) async throws {
        let seen = SideStateMachine.Observation(try await hypervisor.describe(guest: guest))
        try await update(protection) { $0.willShutDown(seen) }
    }

    /// A command wants the guest on. Answers whether it runs; one that was told to shut down is started again when it goes
    /// off after all.
    func wantsOn(_ protection: String, guest: String) async throws -> Bool {
        try await lock.withLock(protection) {
            let seen = SideStateMachine.Observation(try await hypervisor.describe(guest: guest))
            try await update(protection) { $0.wantsOn(seen) }
            return seen.power == .on
        }
    }

    /// Shuts the guest of a side that lost down, and ends it when it does not listen. Answers whether it is off. A side that
    /// gets its right to run back meanwhile is looked at before each press and before the end, which it then escapes.
    func fence(_ protection: String, _ guest: String) async throws -> Bool {
        for _ in 0..<HostAgentLimits.fencePresses {
            let isTold = try await lock.withLock(protection) {
                guard isToShutDown(protection) else { return false }
                try await tell(protection, guest: guest)
                return true
            }
            guard isTold else { return false }
            do {
                _ = try await hypervisor.stopGuest(
                    guest, shutdownLimit: HostAgentLimits.fencePressInterval, destroysAfterLimit: false)
                return true
            } catch let error as HypervisorError where error.code == .shutdownTimedOut {
                continue
            } catch let error as HypervisorError where error.code == .wrongPowerState {
                // It is off, and more is not asked of it here.
                return true
            }
        }
        // Under the lock, because an order must not come between the look and the end.
        return try await lock.withLock(protection) {
            guard isToShutDown(protection) else { return false }
            do {
                _ = try await hypervisor.stopGuest(guest, shutdownLimit: .zero, destroysAfterLimit: true)
            } catch let error as HypervisorError where error.code == .wrongPowerState {
                // As above.
            }
            return true
        }
    }

    private func isToShutDown(_ protection: String) -> Bool {
        sides[protection]?.standing == .passive(.shutDown)
    }

    /// Starts a guest that went off although it was wanted on. Under the lock, because another order to shut it down, or
    /// another side, takes the wish back.
    func startAgain(_ protection: String, _ guest: String) async throws {
        try await lock.withLock(protection) {
            guard !ended.contains(protection), let seen = try await observe(protection),
                try await update(protection, { $0.takesLateStart(seen) }) == true
            else { return }
            try await hypervisor.start(guest: guest)
            try await update(protection) { $0.did(.startAgain) }
            logger.notice("started again a guest that had shut down late", metadata: ["guest": "\(guest)"])
        }
    }
}
