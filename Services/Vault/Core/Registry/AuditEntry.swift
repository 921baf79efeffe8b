/// Who asked for what, and what became of it. The store numbers the entries.
struct AuditEntry: Hashable, Sendable {
    var timeUnixMilliseconds: Int64
    /// The sender that the request named; it is not proof of who sent it.
    var actor: String
    /// Name of the request as in the protocol, or `auto_protect` and `host_silence` for what the vault does by itself.
    var action: String
    /// What it was about.
    var subject: String
    /// `done`, or the refusal's sentence.
    var outcome: String
}

/// An audit entry as it is stored: numbers rise without gaps.
struct NumberedAuditEntry: Hashable, Sendable {
    var number: UInt64
    var entry: AuditEntry
}
