extension LibvirtHypervisor {
    // The calls themselves follow; until then they are refused and change nothing.
    private static var missing: HypervisorError {
        HypervisorError(.operationFailed, "This driver can not do that yet.")
    }

    package func startReplicaGuest(_ request: ReplicaGuestRequest) async throws -> ReplicaGuest { throw Self.missing }
    package func removeReplicaGuest(uuid: String, directory: String) async throws { throw Self.missing }
    package func startTracked(guest: String, protection: String, cycle: UInt64) async throws -> ReplicaGuest {
        throw Self.missing
    }
    package func stopGuest(
        _ guest: String, shutdownLimit: Duration, destroysAfterLimit: Bool
    ) async throws -> StoppedGuest { throw Self.missing }
    package func setAutostart(_ guest: String, _ isOn: Bool) async throws -> Bool { throw Self.missing }
    package func setLinks(of guest: String, up: Bool) async throws { throw Self.missing }
    package func settleOnBase(guest: String, directory: String, images: [String: String]) async throws {
        throw Self.missing
    }
    package func stripBitmaps(protection: String, guest: String, images: [String]) async throws {
        throw Self.missing
    }
}
