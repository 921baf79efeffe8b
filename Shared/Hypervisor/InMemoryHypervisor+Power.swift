import Synchronization

/// Guests that are defined, started and ended as anybody does it.
extension InMemoryHypervisor {
    package func start(guest: String) async throws {
        try enter(.start)
        let lost = try existing(guest) { guest in
            guard !guest.power.hasProcess else {
                throw HypervisorError(.wrongPowerState, "Guest \(guest.name) is already running.")
            }
            if case .migrated = guest.end { try guest.requireEnded() }
            guest.power = .running
            guest.hasLinks = true
            guest.capture?.isLost = true
            return guest.capture != nil
        }
        if lost { withdrawExports(of: guest) }
        broadcaster.send(GuestChange(guest: guest, kind: .started))
    }

    package func shutdown(guest: String) async throws {
        try enter(.shutdown)
        try end(guest)
        broadcaster.send(GuestChange(guest: guest, kind: .shutDown))
    }

    package func destroy(guest: String) async throws {
        try enter(.destroy)
        try end(guest, as: .unknown)
        broadcaster.send(GuestChange(guest: guest, kind: .destroyed))
    }

    package func define(xml: String) async throws -> String {
        try enter(.define)
        let parsed = try InMemoryGuest(definition: xml)
        state.withLock { $0.guests[parsed.uuid] = parsed }
        broadcaster.send(GuestChange(guest: parsed.uuid, kind: .defined))
        return parsed.uuid
    }

    package func undefine(guest: String) async throws {
        try enter(.undefine)
        try existing(guest) { guest in
            guard !guest.power.hasProcess else {
                throw HypervisorError(.wrongPowerState, "Guest \(guest.name) is running.")
            }
        }
        state.withLock { _ = $0.guests.removeValue(forKey: guest) }
        broadcaster.send(GuestChange(guest: guest, kind: .undefined))
    }

    /// As `virsh managedsave` does.
    package func saveMemory(of guest: String) throws {
        try end(guest, as: .saved)
        broadcaster.send(GuestChange(guest: guest, kind: .shutDown))
    }

    /// As `virsh migrate --live` does, which leaves the definition here.
    package func migrateAway(_ guest: String) throws {
        try end(guest, as: .migrated(mark: nil))
        broadcaster.send(GuestChange(guest: guest, kind: .migrated))
    }

    func end(_ guest: String, as end: GuestEnd = .shutDown) throws {
        try existing(guest) { guest in
            guard guest.power.hasProcess else {
                throw HypervisorError(.wrongPowerState, "Guest \(guest.name) is not running.")
            }
            guest.power = .shutOff
            guest.end = end
            guest.capture?.isLost = true
        }
        withdrawExports(of: guest)
    }
}

extension InMemoryGuest {
    /// Throws when it runs, and when it is off and its disks are not all there is of it.
    func requireEnded() throws {
        guard !power.hasProcess else { throw HypervisorError.runs(name: name) }
        if let finding = Finding(end, of: name) { throw HypervisorError.unfinished(finding) }
    }
}
