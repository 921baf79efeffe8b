internal import CZeroMQ

/// How glibc keeps freed memory in a process that moves records.
///
/// libzmq allocates each record on one thread and frees it on another. By its own rules glibc then gives every record's
/// pages back to the kernel and faults them in again: 2.4 million page faults for 24 GiB, as many bytes cleared as were
/// transferred. With these settings it is 27,000, and the same stream needs a quarter less system time. (mallopt(3))
enum AllocatorSettings {
    /// Larger than any record, so that records come from the heap and not from a mapping of their own.
    private static let mappingThresholdBytes: Int32 = 4 << 20
    /// What an arena may keep unused at its end: one transfer's window.
    private static let trimThresholdBytes: Int32 = 32 << 20
    /// Bounds what all arenas keep together, because every thread would otherwise have its own.
    private static let arenas: Int32 = 4

    /// Once per process; `static let` makes it so.
    static let apply: Void = {
        let accepted =
            mallopt(M_MMAP_THRESHOLD, mappingThresholdBytes) & mallopt(M_TRIM_THRESHOLD, trimThresholdBytes)
            & mallopt(M_ARENA_MAX, arenas)
        precondition(accepted == 1, "glibc refused its settings")
    }()
}
