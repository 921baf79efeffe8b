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
        }
    }
}
