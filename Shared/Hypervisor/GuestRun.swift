/// One run of a guest, from a start to its end, as it looked at one moment.
///
/// What is found of a guest's bitmaps while it comes or goes is no evidence. A QEMU that ends has closed its images when it
/// answers for the last time, so that all bitmaps seem to be gone; one that starts marks every bitmap of its images as in
/// use, so that all seem to be broken. So whoever misses a bitmap looks at the run before and afterwards.
struct GuestRun: Hashable {
    /// Counts the starts of all guests of a libvirt daemon, so that it tells one run from the next; nil while the guest is
    /// off.
    let number: UInt32?
    /// It has stopped executing for good, and QEMU is closing its images.
    let isEnding: Bool

    init(number: UInt32?, isEnding: Bool) {
        self.number = number
        self.isEnding = isEnding
    }

    /// QEMU answers for the guest's disks.
    var isRunning: Bool { number != nil && !isEnding }

    /// Whether what was found between this moment and `later` is true of the guest.
    func holds(until later: GuestRun) -> Bool { self == later && !isEnding }
}
