internal import CZeroMQ

/// Memory that this process has freed and glibc still holds.
package enum FreedMemory {
    /// Gives whole pages of it back to the kernel, also from between what is in use.
    ///
    /// Records of a mebibyte lie among small allocations that outlive them, so that freed space is not always used again and
    /// the heap grows with what was ever transferred: by `M_TRIM_THRESHOLD` glibc gives back only what is free at its end.
    /// Took 9 ms for 128 MiB on an AMD EPYC, in which other threads may wait for their next allocation. (malloc_trim(3))
    package static func giveBack() {
        malloc_trim(0)
    }
}
