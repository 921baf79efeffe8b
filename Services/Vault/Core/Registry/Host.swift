/// A machine that runs guests under libvirt and one host agent.
struct Host: Hashable, Sendable {
    var id: RegistryIdentifier
    var name: String
    var cloud: String
    /// Where the agent's ROUTER listens: `tcp://address:port`. Empty: see `isLeaving`.
    var controlEndpoint: String
    var agentVersion: String
    var hypervisorURI: String
    var capacity: HostCapacity
    var contact: HostContact
    /// Of the newest report that was taken; 0 after the agent registered again, because it then counts from the start.
    var inventorySequence: UInt64
    /// Rises when another agent took the identity over; see `HostRegistration`.
    var incarnation: UInt64 = 0

    /// It was removed while protections that are being removed still name it: nobody asks it for anything any more, and
    /// it goes with the last of them. It stays if it registers again before.
    var isLeaving: Bool { controlEndpoint.isEmpty }
}

struct HostCapacity: Hashable, Sendable {
    var memoryBytes: UInt64
    var memoryFreeBytes: UInt64
    /// File system of the replicas; 0: the host has none, or has not said.
    var replicaBytes: UInt64
    var replicaFreeBytes: UInt64

    static let unknown = HostCapacity(memoryBytes: 0, memoryFreeBytes: 0, replicaBytes: 0, replicaFreeBytes: 0)

    /// Whether subscribers should hear of the difference; see ``VaultLimits/capacityNoticeParts``.
    func isNoticeablyDifferent(from other: HostCapacity) -> Bool {
        guard memoryBytes == other.memoryBytes, replicaBytes == other.replicaBytes else { return true }
        return moved(memoryFreeBytes, other.memoryFreeBytes, of: memoryBytes)
            || moved(replicaFreeBytes, other.replicaFreeBytes, of: replicaBytes)
    }

    private func moved(_ value: UInt64, _ other: UInt64, of whole: UInt64) -> Bool {
        let difference = value > other ? value - other : other - value
        return difference > whole / VaultLimits.capacityNoticeParts
    }
}

/// Whether reports of a host arrive in time. Times are the vault's wall clock in milliseconds since 1970.
enum HostContact: Hashable, Sendable {
    case reachable(lastSeen: Int64)
    case silent(lastSeen: Int64)

    var isReachable: Bool {
        switch self {
        case .reachable: true
        case .silent: false
        }
    }

    var lastSeenUnixMilliseconds: Int64 {
        switch self {
        case .reachable(let lastSeen), .silent(let lastSeen): lastSeen
        }
    }
}
