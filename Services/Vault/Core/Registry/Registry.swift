/// Everything the vault knows: a value that changes only by applying a ``RegistryChange``.
///
/// Invariants, checked by ``checkInvariants()`` when the registry is read from the database and, by the tests, after
/// every decision:
/// - a cloud's site, a host's cloud, both clouds of a pair and the host of a guest exist;
/// - a pair joins two different clouds;
/// - a protection's pair and both its hosts exist, the hosts differ, and generation and version are at least 1;
/// - a guest has at most one protection;
/// - what ``Protection`` says of state, active side, run and cycle holds;
/// - no collection is larger than ``VaultLimits`` says.
struct Registry: Hashable, Sendable {
    private(set) var sites: [String: Site] = [:]
    private(set) var clouds: [String: Cloud] = [:]
    private(set) var pairs: [CloudPair.Key: CloudPair] = [:]
    private(set) var hosts: [RegistryIdentifier: Host] = [:]
    /// By host, then by the guest's UUID: the same UUID on two hosts is possible, and refused only by `protect`.
    private(set) var guests: [RegistryIdentifier: [RegistryIdentifier: Guest]] = [:]
    private(set) var protections: [RegistryIdentifier: Protection] = [:]
    private(set) var exclusions: Set<GuestExclusion> = []
    private(set) var guestCount = 0
    /// Sum of the guests' ``Guest/estimatedBytes``.
    private(set) var guestBytes = 0

    /// Index: the guest's UUID → its protection.
    private var protectionsByGuest: [RegistryIdentifier: RegistryIdentifier] = [:]

    init() {}

    mutating func apply(_ change: RegistryChange) {
        switch change {
        case .site(let site): sites[site.name] = site
        case .cloud(let cloud): clouds[cloud.name] = cloud
        case .pair(let pair): pairs[pair.key] = pair
        case .host(let host): hosts[host.id] = host
        case .guest(let guest):
            let replaced = guests[guest.key.hostID, default: [:]].updateValue(guest, forKey: guest.key.uuid)
            guestCount += replaced == nil ? 1 : 0
            guestBytes += guest.estimatedBytes - (replaced?.estimatedBytes ?? 0)
        case .protection(let protection):
            protections[protection.id] = protection
            protectionsByGuest[protection.guestUUID] = protection.id
        case .siteRemoved(let name): sites[name] = nil
        case .cloudRemoved(let name): clouds[name] = nil
        case .pairRemoved(let key): pairs[key] = nil
        case .hostRemoved(let id): hosts[id] = nil
        case .guestRemoved(let key):
            if let removed = guests[key.hostID]?.removeValue(forKey: key.uuid) {
                guestCount -= 1
                guestBytes -= removed.estimatedBytes
            }
            if guests[key.hostID]?.isEmpty == true { guests[key.hostID] = nil }
        case .protectionRemoved(let id):
            if let removed = protections.removeValue(forKey: id) { protectionsByGuest[removed.guestUUID] = nil }
        case .exclusionAdded(let exclusion): exclusions.insert(exclusion)
        case .exclusionRemoved(let exclusion): exclusions.remove(exclusion)
        }
    }

    /// What was seen of a host since it was last published. It is not a change: a restart forgets it.
    mutating func observe(_ observation: HostObservation) {
        guard var host = hosts[observation.hostID] else { return }
        if host.contact.isReachable { host.contact = .reachable(lastSeen: observation.lastSeenUnixMilliseconds) }
        host.capacity = observation.capacity
        host.inventorySequence = observation.inventorySequence
        hosts[host.id] = host
    }
}

/// A report arrived that changes nothing worth storing.
struct HostObservation: Hashable, Sendable {
    var hostID: RegistryIdentifier
    var lastSeenUnixMilliseconds: Int64
    var capacity: HostCapacity
    var inventorySequence: UInt64
}

// MARK: - Lookups

extension Registry {
    func protection(ofGuest uuid: RegistryIdentifier) -> Protection? {
        protectionsByGuest[uuid].flatMap { protections[$0] }
    }

    func guests(onHost id: RegistryIdentifier) -> [RegistryIdentifier: Guest] { guests[id] ?? [:] }

    /// Sorted by identifier, so that decisions do not depend on the order of a dictionary.
    func hosts(inCloud name: String) -> [Host] {
        hosts.values.filter { $0.cloud == name }.sorted { $0.id < $1.id }
    }

    /// Sum of what the pairs' mappings take of a snapshot.
    var mappingBytes: Int {
        pairs.values.reduce(0) { $0 + $1.networks.reduce(0) { $0 + $1.estimatedBytes } }
    }

    func pairs(fromCloud name: String) -> [CloudPair] {
        pairs.values.filter { $0.key.sourceCloud == name }.sorted { $0.key < $1.key }
    }

    func protections(using id: RegistryIdentifier) -> [Protection] {
        protections.values.filter { $0.uses(host: id) }.sorted { $0.id < $1.id }
    }

    func protections(under key: CloudPair.Key) -> [Protection] {
        protections.values.filter { $0.pair == key }.sorted { $0.id < $1.id }
    }

    /// Those of its two hosts that do not report, by name.
    func silentHosts(of protection: Protection) -> [Host] {
        [protection.sourceHostID, protection.targetHostID].compactMap { hosts[$0] }
            .filter { !$0.contact.isReachable }.sorted { $0.name < $1.name }
    }

    /// Hosts that have a guest of this UUID now.
    func hostsHolding(guest uuid: RegistryIdentifier) -> [Host] {
        guests.compactMap { hostID, guests in guests[uuid] == nil ? nil : hosts[hostID] }.sorted { $0.id < $1.id }
    }
}
