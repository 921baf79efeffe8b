/// One guest on one source host, kept as one replica on one target host, under one policy.
///
/// Invariants: the two hosts differ; generation and version are at least 1; version rises with every change.
struct Protection: Hashable, Sendable {
    var id: RegistryIdentifier
    var guestUUID: RegistryIdentifier
    var guestName: String
    var sourceHostID: RegistryIdentifier
    var targetHostID: RegistryIdentifier
    /// The pair of clouds that it was made under.
    var pair: CloudPair.Key
    var state: ProtectionState
    /// One sentence: why it resynchronizes, who paused it. Empty when there is nothing to say.
    var stateReason: String
    var direction: ReplicationDirection
    /// Rises when the active side changes; commands that carry an older one are refused.
    var generation: UInt64
    /// Compare-and-set: a caller names the version that its decision rests on.
    var version: UInt64
    /// Empty: the pair's policy.
    var policyOverride: String
    var createdUnixMilliseconds: Int64

    func uses(host id: RegistryIdentifier) -> Bool { sourceHostID == id || targetHostID == id }
}

enum ReplicationDirection: String, Hashable, CaseIterable, Sendable {
    /// As first protected.
    case forward
    case reverse
}
