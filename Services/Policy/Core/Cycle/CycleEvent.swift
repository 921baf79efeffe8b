/// What happens to one protection.
enum CycleEvent: Sendable {
    case timePassed
    /// The registry says something about the protection.
    case listed(ProtectionEntry, RegistryWord)
    /// The registry no longer lists it.
    case unlisted
    case bound(PolicyBinding)
    case triggered(Consistency?)
    case answered(CallNumber, Result<AgentAnswer, PolicyError>)
    case jobsFinished(cycle: UInt64, [StoredJob], sentBytes: UInt64, changedBytes: UInt64)
    case jobsFailed(cycle: UInt64, PolicyError)
}

/// How the registry's word about a protection is to be taken.
enum RegistryWord: Hashable, Sendable {
    case ordinary
    /// This service asked for the resynchronizing state itself, so it is no operator's wish.
    case ownResync
    /// The vault's database is another one: versions do not compare with those from before.
    case otherEpoch
}

/// What one protection wants done, in this order. Everything durable in one batch is stored before anything outward.
enum CycleAction: Sendable {
    case store(StoreChange)
    case call(CallNumber, host: String, generation: UInt64, AgentCall)
    /// Cut this capture into jobs and offer them.
    case post(CycleRecord, Capture, TransferDoor, PolicySettings)
    case withdraw(cycle: UInt64)
}
