/// What a host has to know about one protection that it is a side of.
struct HostDuty: Hashable, Sendable {
    var protection: RegistryIdentifier
    var guestUUID: RegistryIdentifier
    var generation: UInt64
    /// This host's guest may run.
    var isActive: Bool
    /// What to do with a guest that runs and may not.
    var fenceAction: FenceAction
    var activeHostName: String
}

/// What an agent holds by itself of one protection.
struct SideReport: Hashable, Sendable {
    var protection: RegistryIdentifier
    var generation: UInt64
    var isActive: Bool
    /// The point that the running replica was started from; 0: not a replica.
    var cycle: UInt64
}
