/// What the vault can be asked, in its own words. Identifiers are well-formed; everything else is still unchecked.
enum RegistryRequest: Hashable, Sendable {
    case createSite(Site)
    case deleteSite(name: String)
    case createCloud(Cloud)
    case deleteCloud(name: String)
    case pairClouds(CloudPair)
    case unpairClouds(CloudPair.Key)
    case registerHost(HostRegistration)
    case reportInventory(InventoryReport)
    case removeHost(id: RegistryIdentifier)
    case protect(ProtectRequest)
    case protectCloud(sourceCloud: String, targetCloud: String?)
    case unprotect(protection: String, fate: ProtectionState.ReplicaFate)
    case changeState(StateChangeRequest)
    case advanceFailover(FailoverAdvance)
    case setPolicyOverride(protection: String, expectedVersion: ExpectedVersion, policy: String)
    case confirmUnprotected(protection: String, expectedVersion: ExpectedVersion)
    case getSnapshot
    case listAudit(limit: Int, before: UInt64?)
}

/// By an agent: its host as it now is. `contact` and `inventorySequence` of the registry are the vault's own.
struct HostRegistration: Hashable, Sendable {
    var id: RegistryIdentifier
    var name: String
    var cloud: String
    /// Empty: the site that the cloud is in.
    var site: String
    var controlEndpoint: String
    var agentVersion: String
    var hypervisorURI: String
    var capacity: HostCapacity
    /// Site and cloud are made when they do not exist.
    var createsMissing: Bool
    /// Which of the agents that had this identity, one after another, it is. A lower one than is known comes from a machine
    /// that was replaced and is back.
    var incarnation: UInt64 = 0
}

/// The whole inventory of one host.
struct InventoryReport: Hashable, Sendable {
    var hostID: RegistryIdentifier
    /// Rises; an older report is ignored.
    var sequence: UInt64
    var capacity: HostCapacity
    var guests: [Guest]
    var sides: [SideReport] = []
    var incarnation: UInt64 = 0
}

struct ProtectRequest: Hashable, Sendable {
    /// Name or UUID.
    var guest: String
    /// Name or id; `nil`: the only host that has the guest.
    var sourceHost: String?
    /// `nil`: the only pair of the guest's cloud.
    var targetCloud: String?
    /// Name or id; `nil`: chosen by free space and memory.
    var targetHost: String?
    var policyOverride: String
}

struct StateChangeRequest: Hashable, Sendable {
    /// Id of the protection, or name or UUID of its guest.
    var protection: String
    var expectedVersion: ExpectedVersion
    var state: RequestedState
    var reason: String
}

/// The version that a caller's decision rests on.
enum ExpectedVersion: Hashable, Sendable {
    /// Operators: whatever it is.
    case any
    case exactly(UInt64)

    /// The protocol writes `any` as 0, which no protection ever has.
    init(wire: UInt64) { self = wire == 0 ? .any : .exactly(wire) }
}
