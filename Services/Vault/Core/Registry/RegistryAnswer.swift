/// What the vault answers when it did what was asked.
enum RegistryAnswer: Hashable, Sendable {
    case done
    case host(Host)
    case protection(Protection)
    /// To a host that reported.
    case duties([HostDuty])
    case cloudProtected(CloudProtectionResult)
    /// The driver reads the snapshot after the decision, with the number of the last event.
    case snapshot
    /// The driver reads the entries from the store.
    case audit(limit: Int, before: UInt64?)
}

/// What became of every guest of a cloud.
struct CloudProtectionResult: Hashable, Sendable {
    var created: [Protection] = []
    var refused: [Refusal] = []
    /// Names of guests that had a protection before.
    var already: [String] = []

    struct Refusal: Hashable, Sendable {
        var guest: String
        var error: VaultError
    }
}
