/// One durable change. Changes of one batch become durable together or not at all.
enum StoreChange: Hashable, Sendable {
    case putPolicy(PolicySettings)
    case deletePolicy(name: String)
    case putProgress(ProtectionProgress)
    case putOpenCycle(CycleRecord)
    case clearOpenCycle(ProtectionIdentifier)
    case appendReport(ProtectionIdentifier, CycleReport)
    /// Progress, open cycle and history of a protection that is no more.
    case forget(ProtectionIdentifier)
    /// The workers of this name get no job until it is cleared; the last of them was there at this instant.
    case putDrained(worker: String, seenAt: PolicyTime)
    case clearDrained(worker: String)
    case putRegistry(RegistryChange)
    /// Which database of the vault the registry copy comes from.
    case putEpoch([UInt8])
}
