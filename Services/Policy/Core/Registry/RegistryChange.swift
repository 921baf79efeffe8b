/// Where in the vault's numbered events a copy stands.
struct RegistryPosition: Hashable, Sendable {
    /// 16 bytes, new when the vault's database is.
    var epoch: [UInt8]
    var number: UInt64
}

/// Everything of the vault's registry that this service keeps.
struct RegistrySnapshot: Hashable, Sendable {
    var position: RegistryPosition
    var clouds: [CloudEntry] = []
    var hosts: [HostEntry]
    var pairs: [PairEntry]
    var protections: [ProtectionEntry]
}

/// One change of the registry, as far as this service keeps it.
enum RegistryChange: Hashable, Sendable {
    case cloud(CloudEntry)
    case cloudRemoved(name: String)
    case host(HostEntry)
    case hostRemoved(id: String)
    case pair(PairEntry)
    case pairRemoved(PairEntry.Key)
    case protection(ProtectionEntry)
    case protectionRemoved(ProtectionIdentifier)
}
