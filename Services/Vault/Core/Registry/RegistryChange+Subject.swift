extension RegistryChange {
    /// As the change is called in the protocol's `VaultEvent`; exclusions are not part of it.
    var kind: String {
        switch self {
        case .site: "site"
        case .cloud: "cloud"
        case .pair: "pair"
        case .host: "host"
        case .guest: "guest"
        case .protection: "protection"
        case .siteRemoved: "site_removed"
        case .cloudRemoved: "cloud_removed"
        case .pairRemoved: "pair_removed"
        case .hostRemoved: "host_removed"
        case .guestRemoved: "guest_removed"
        case .protectionRemoved: "protection_removed"
        case .exclusionAdded: "exclusion"
        case .exclusionRemoved: "exclusion_removed"
        }
    }

    /// Identifier or name of what changes.
    var subject: String {
        switch self {
        case .site(let site): site.name
        case .cloud(let cloud): cloud.name
        case .pair(let pair): "\(pair.key.sourceCloud) → \(pair.key.targetCloud)"
        case .host(let host): host.id.text
        case .guest(let guest): "\(guest.key.hostID)/\(guest.key.uuid)"
        case .protection(let protection): protection.id.text
        case .siteRemoved(let name), .cloudRemoved(let name): name
        case .pairRemoved(let key): "\(key.sourceCloud) → \(key.targetCloud)"
        case .hostRemoved(let id), .protectionRemoved(let id): id.text
        case .guestRemoved(let key): "\(key.hostID)/\(key.uuid)"
        case .exclusionAdded(let exclusion), .exclusionRemoved(let exclusion): exclusion.guestUUID.text
        }
    }
}
