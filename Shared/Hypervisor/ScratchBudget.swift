/// Decides whether a running capture may go on holding what the guest overwrites.
///
/// When a scratch file can not grow, QEMU fails the *guest's* writes, so the capture is ended well before: while
/// `reserveBytes` are still free, or when the files hold more than `limitBytes`.
struct ScratchBudget: Sendable, Hashable {
    let reserveBytes: UInt64
    /// No limit besides the reserve when nil.
    let limitBytes: UInt64?

    /// Nil when all is well, otherwise one sentence.
    func objection(usedBytes: UInt64, freeBytes: UInt64) -> String? {
        if freeBytes < reserveBytes {
            return "Only \(freeBytes >> 20) MiB are free where the guest's overwritten data is kept; "
                + "\(reserveBytes >> 20) MiB are held in reserve."
        }
        if let limitBytes, usedBytes > limitBytes {
            return "The guest overwrote \(usedBytes >> 20) MiB during the capture; \(limitBytes >> 20) MiB are allowed."
        }
        return nil
    }
}
