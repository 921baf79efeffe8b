/// Ending a guest, and keeping it from coming back.
extension LibvirtHypervisor {
    package func stopGuest(
        _ guest: String, shutdownLimit: Duration, destroysAfterLimit: Bool
    ) async throws -> StoppedGuest {
        let (name, power) = try await call { connection in
            let domain = try connection.domain(guest)
            let power = try domain.power()
            try domain.require(ended: power)
            return (domain.name, power.state)
        }
        guard power.hasProcess else { return StoppedGuest(wasRunning: false, wasForced: false) }
        let began = ContinuousClock.now
        var pressAt = began
        while power == .running, ContinuousClock.now - began < shutdownLimit {
            let presses = ContinuousClock.now >= pressAt
            if presses { pressAt = .now + HypervisorLimits.powerButtonInterval }
            if try await call({ try Self.isOff(guest, $0, presses: presses) }) {
                return StoppedGuest(wasRunning: true, wasForced: false)
            }
            try await Task.sleep(for: HypervisorLimits.powerPollInterval)
        }
        guard destroysAfterLimit else {
            throw HypervisorError.shutdownTimedOut(name: name, isPaused: power == .paused, limit: shutdownLimit)
        }
        try await call { connection in
            guard let domain = try connection.knownDomain(guest) else { return }
            try Self.destroy(domain)
            if let domain = try connection.knownDomain(guest) { try domain.require(ended: domain.power()) }
        }
        return StoppedGuest(wasRunning: true, wasForced: true)
    }

    /// Blocks.
    private static func isOff(_ guest: String, _ connection: LibvirtConnection, presses: Bool) throws -> Bool {
        // One without a persistent definition is gone when it is off.
        guard let domain = try connection.knownDomain(guest) else { return true }
        let power = try domain.power()
        guard power.state.hasProcess else {
            try domain.require(ended: power)
            return true
        }
        guard presses else { return false }
        do {
            try domain.shutdown()
        } catch let error as HypervisorError where error.code == .wrongPowerState || error.code == .guestNotFound {
            // It ended since it was looked at.
        }
        return false
    }

    @discardableResult
    package func setAutostart(_ guest: String, _ isOn: Bool) async throws -> Bool {
        try await call { connection in
            let domain = try connection.domain(guest)
            let before = try domain.startsWithHost
            if before != isOn { try domain.setStartsWithHost(isOn) }
            return before
        }
    }

    package func setLinks(of guest: String, up: Bool) async throws {
        try await call { connection in
            let domain = try connection.domain(guest)
            guard try domain.power().state.hasProcess else { return }
            let defined = try Self.interfaces(of: domain, inactive: true)
            for var interface in try Self.interfaces(of: domain, inactive: false) {
                let own = defined.first { $0.first("mac")?["address"] == interface.first("mac")?["address"] }
                let state = up ? own?.first("link")?["state"] ?? "up" : "down"
                guard (interface.first("link")?["state"] ?? "up") != state else { continue }
                interface.set(XMLElement("link", ["state": state]))
                try domain.updateRunning(interface)
            }
        }
    }

    private static func interfaces(of domain: LibvirtDomain, inactive: Bool) throws -> [XMLElement] {
        try XMLElement(parsing: domain.xml(inactive: inactive)).first("devices")?.all("interface") ?? []
    }
}
