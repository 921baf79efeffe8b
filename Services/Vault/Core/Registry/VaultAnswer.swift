/// A ``RegistryAnswer`` with what only the driver could add.
enum VaultAnswer: Hashable, Sendable {
    case done
    case host(Host)
    case protection(Protection)
    case duties([HostDuty])
    case cloudProtected(CloudProtectionResult)
    /// Everything, and the number of the last event that is in it.
    case snapshot(StoredVault)
    case audit([NumberedAuditEntry])
}
