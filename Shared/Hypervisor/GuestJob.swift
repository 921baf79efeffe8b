/// What libvirt does with a running guest, as its statistics tell.
enum GuestJob: Sendable, Hashable {
    case none
    /// A backup, ours or somebody else's.
    case backup
    /// Such as a migration, in words.
    case other(String)
}
