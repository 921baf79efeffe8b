/// One change of the registry, the unit that is stored, numbered and published.
enum RegistryChange: Hashable, Sendable {
    case site(Site)
    case cloud(Cloud)
    case pair(CloudPair)
    case host(Host)
    case guest(Guest)
    case protection(Protection)
    case siteRemoved(String)
    case cloudRemoved(String)
    case pairRemoved(CloudPair.Key)
    case hostRemoved(RegistryIdentifier)
    case guestRemoved(Guest.Key)
    case protectionRemoved(RegistryIdentifier)
    /// An operator unprotected this guest, so automatic protection leaves it alone until it is protected by name again.
    case exclusionAdded(GuestExclusion)
    case exclusionRemoved(GuestExclusion)

    /// Subscribers hear of everything that a snapshot shows. Exclusions are the vault's own memory.
    var isPublished: Bool {
        switch self {
        case .site, .cloud, .pair, .host, .guest, .protection, .siteRemoved, .cloudRemoved, .pairRemoved, .hostRemoved,
            .guestRemoved, .protectionRemoved:
            true
        case .exclusionAdded, .exclusionRemoved: false
        }
    }
}

/// A guest that automatic protection of a pair leaves alone.
struct GuestExclusion: Hashable, Comparable, Sendable {
    var pair: CloudPair.Key
    var guestUUID: RegistryIdentifier

    static func < (left: Self, right: Self) -> Bool {
        (left.pair, left.guestUUID) < (right.pair, right.guestUUID)
    }
}
