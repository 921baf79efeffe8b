/// When something happened, as the driver's clocks saw it. Decisions take it as input and read no clock themselves.
struct VaultMoment: Hashable, Sendable {
    /// Wall clock, for people, the audit and `last seen`. It may jump, so nothing is decided by it.
    var unixMilliseconds: Int64
    /// A clock that only goes forward, for silence. Its zero is arbitrary and changes with every start.
    var uptimeMilliseconds: UInt64
}
