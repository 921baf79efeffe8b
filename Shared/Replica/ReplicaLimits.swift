/// Every bound of this library, in one place, with its unit in its name and its reason beside it.
/// Bounds of disks, definitions and NVRAM are `DeltaLogLimits`, because whatever a log takes, a base must take too.
package enum ReplicaLimits {
    /// Bytes of a guest's name.
    package static let guestNameBytes = 1_024
    /// Of all disks of a guest together, so that what is in all logs can be added up.
    package static let disksBytes: UInt64 = 1 << 62
    /// Nobody counts to more, and what stores it has a sign.
    package static let generation: UInt64 = 1 << 62
    /// The same of cycles, where they are counted outside of logs.
    static let cycle: UInt64 = 1 << 62
    /// Bytes of a whole manifest, because it is read into memory before its checksum is known.
    package static let manifestBytes = 16 << 20

    /// Bytes of an adopted image's path, as PATH_MAX has it.
    package static let imagePathBytes = 4_096
    /// Bytes of one request to a served image. qemu-nbd takes 32 MiB; less keeps its memory small.
    package static let servedRequestBytes = 4 << 20
    /// Bytes that one request makes zero or asks the status of: below the 32 bits that the protocol has for a length.
    package static let servedRangeBytes: UInt64 = 1 << 30
    /// Bytes of the largest cluster that a qcow2 image can have.
    static let largestClusterBytes: UInt64 = 2 << 20
    /// Connections to one served image, because each carries one request at a time and a view is read by many threads.
    package static let servedConnections = 4
    /// Time for a writing qemu-nbd to end in order. What was flushed is safe without it.
    package static let imageClosingSeconds = 20
    /// How long an image that another process has open is tried again, because a qemu-nbd that was killed with its
    /// owner holds its locks for moments longer.
    package static let imageLockSeconds = 5
    /// Bytes that are kept of what a tool says.
    package static let toolOutputBytes = 16_384

    /// Space that a cycle, a merge or a fold leaves free, so that indexes, trailers and manifests can always be
    /// written.
    package static let reservedFreeBytes: UInt64 = 64 << 20
    /// Bytes that a fold writes before it looks at the space again.
    static let foldedBetweenLooksBytes: UInt64 = 32 << 20

    /// Attempt number of the records that the target itself adds. Attempts of jobs count from 1.
    package static let ownAttempt = UInt32.max

    /// Ranges per disk that are remembered of what diverged disks hold besides their point.
    package static let divergedRangesPerDisk = 4_096
    /// Bytes of the sentence that says why nothing is known of them.
    package static let divergenceReasonBytes = 4_096
    /// Bytes of the file that says either: that many ranges of that many disks.
    static let divergenceBytes = 8 << 20

    /// Characters of the sentence that says why points are spoilt, of at most four bytes each, so that it is written.
    static let spoiltReasonCharacters = divergenceReasonBytes / 4
    /// Bytes of the file that says what adopted images looked like: a path and 27 bytes for each of that many disks.
    static let imageLooksBytes = 1 << 20

    /// Points that are remembered as verified, because each took a guest that was started; then the oldest mark goes.
    package static let verifiedPoints = 4_096
    /// Bytes of the file that says so: that many marks of 25 bytes.
    static let verifiedBytes = 128 << 10

    /// Logs that one merge takes, because each is an open file and an index in memory while it runs.
    package static let logsPerMerge = 256
    /// Folding waits until so many logs are due, because each fold costs several synchronisations …
    package static let logsPerFold = 16
    /// … or so many stored bytes, because they cost space …
    package static let storedBytesPerFold: UInt64 = 256 << 20
    /// … or until the oldest is so much older than retention asks.
    package static let foldLagMilliseconds: Int64 = 300_000
    /// Logs that one fold takes, for the same reason as `logsPerMerge`.
    package static let logsPerFoldMaximum = 4_096

    /// Block of a comparison, in bytes. Equal to the bitmap granularity, so that a changed block is one dirty bit.
    package static let hashBlockBytes = 65_536
    /// Bytes of a block's hash in an answer: the first half of its SHA-256.
    package static let blockHashBytes = 16
    /// Bytes of one request for hashes.
    package static let hashRangeBytes: UInt64 = 64 << 20
    /// Bytes moved at once when folding, hashing or scrubbing base images.
    package static let copyBufferBytes = 1 << 20

    /// Delta logs that a view keeps open, because a process may have 1,024 files open and a journal thousands of logs.
    package static let openLogsPerView = 128

    /// Images that a guest's disk may consist of, one upon the other, because each is looked at before any is taken in.
    static let imagesPerChain = 64

    /// Faults that a scrub lists; the others are counted.
    package static let scrubFaults = 100
}
