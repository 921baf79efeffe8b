import Synchronization

extension LibvirtHypervisor {
    /// The backup job of a running guest, and what occupies it otherwise, in words. Blocks.
    ///
    /// Where a backup is likely, libvirt's memory is asked for it: while a capture is open, and while somebody works on
    /// the guest. Everywhere else the statistics tell first whether there is one, because libvirt writes an error into
    /// its log when it is asked for a backup that is not there, and every guest is looked at every few seconds.
    ///
    /// - Parameter isOurTurn: the caller has the guest's turn, and no backup of its own.
    func jobs(of domain: LibvirtDomain, isOurTurn: Bool) throws -> (backup: XMLElement?, other: String?) {
        let guest = domain.uuid
        let isLikely =
            captures.withLock { $0.values.contains { $0.guest == guest } } || !isOurTurn && turns.isTaken(guest)
        if isLikely, let backup = try domain.backup() { return (backup, nil) }
        switch try domain.job() {
        case .none: return (nil, nil)
        case .backup: return (try domain.backup(), nil)
        case .other(let words): return (nil, words)
        }
    }
}
