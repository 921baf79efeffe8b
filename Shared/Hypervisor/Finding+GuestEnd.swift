extension Finding {
    /// Nil for a guest whose disks are all there is of it.
    init?(_ end: GuestEnd?, of guest: String) {
        switch end {
        case nil, .shutDown, .unknown: return nil
        case .saved:
            self.init(
                .savedMemory, subject: "",
                message:
                    "Guest \(guest) is off and its memory is saved, so its disks may lack what it had not written yet.",
                remedy: "Start it, and it can be shut down in order; or give up what only its memory holds with "
                    + "`virsh managedsave-remove \(guest)`.")
        case .migrated(let mark):
            let forgets = mark.map { " If what this host has of it is known to be the newest: `rm \($0)`." } ?? ""
            self.init(
                .migrated, subject: "",
                message: "Guest \(guest) was migrated to another host, so what this one has of it may be old.",
                remedy: "Migrate it back, or protect it at the host that it runs on. If it runs nowhere, start it with "
                    + "`virsh start \(guest)`." + forgets)
        }
    }
}
