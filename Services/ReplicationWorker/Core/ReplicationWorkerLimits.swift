/// Every bound of the worker in one place, with units in the name.
package enum ReplicationWorkerLimits {
    /// Each slot takes at most 12 MiB for reading and 32 MiB for what is under way to the target, so that four stay
    /// well below 256 MiB.
    package static let slotsMaximum = 4
    package static let slotsDefault = 2

    // Pulling.

    /// A pull is answered after this long even when there is no job; the policy service allows 20,000 at most.
    package static let pullWaitMilliseconds: UInt32 = 10_000
    package static let pullDeadline: Duration = .seconds(15)
    package static let pullRetryInterval: Duration = .milliseconds(500)
    package static let pullRetryIntervalMaximum: Duration = .seconds(5)

    // Jobs.

    package static let reportInterval: Duration = .seconds(1)
    /// One report may take this long; the next is due a second after the last, and a lease outlives several.
    package static let reportDeadline: Duration = .seconds(3)
    /// A receiver without room for another transfer is asked again after this, because others end meanwhile; those of a
    /// machine that lost power last longer than their leases.
    package static let helloInterval: Duration = .seconds(1)
    /// As long as the job board waits for a job that does not move.
    package static let helloPatience: Duration = .seconds(120)
    /// A record that waits for its limit looks this often whether that was changed.
    package static let limitInterval: Duration = .milliseconds(500)
    package static let outcomeDeadline: Duration = .seconds(15)
    /// What a worker that is stopping still tells the job board; with stopGrace it ends within ten seconds.
    package static let lastWordDeadline: Duration = .seconds(2)
    /// Running jobs get this long to finish when the worker is told to stop, and are failed then.
    package static let stopGrace: Duration = .seconds(7)

    // Reading and packing.

    /// One read, and the most one record holds.
    package static let chunkBytes = 1 << 20
    /// Reads of one job under way at once, because scattered blocks are read one by one and each waits for the disk.
    package static let readsInFlight = 32
    /// The memory for reading: 12 MiB a job.
    package static let readBytesInFlight = 12 << 20
    /// How often freed memory is given back while there are jobs. Without it a worker grew from 150 to 264 MiB in 60
    /// seedings of 2 GiB.
    package static let memoryInterval: Duration = .seconds(5)
    /// Runs of zeros shorter than this are sent as data, because each record costs a header and an index entry.
    package static let zeroRunBytes = 65_536
    /// A zero record covers at most this much; a longer hole takes several.
    package static let zeroRecordBytes: UInt64 = 1 << 40

    // Comparing.

    package static let compareBlockBytes: UInt32 = 65_536
    package static let compareWindowBytes: UInt64 = 64 << 20
}
