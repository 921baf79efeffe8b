/// How the last run of a guest that is off ended, as far as its hypervisor remembers.
enum GuestEnd: Sendable, Hashable {
    /// It shut down by itself.
    case shutDown
    /// Its memory was saved, and its next start goes on from there: the disks alone are not all there is of it.
    case saved
    /// It went on at another host. What this one has of it may be old by now.
    ///
    /// - mark: the file that remembers it, when libvirt does not.
    case migrated(mark: String?)
    /// In any other way, or nobody remembers.
    case unknown
}
