/// Every bound of reading block devices, in one place.
package enum BlockDeviceLimits {
    /// Connections per reader. More than two do not help, because QEMU serves one export from one thread.
    package static let connections = 1...16
    package static let defaultConnections = 2

    /// 32 MiB is the largest request that QEMU accepts (NBD protocol, "Block size constraints").
    package static let chunkBytes = 4_096...(32 << 20)
    package static let defaultChunkBytes = 512 << 10

    package static let requestsInFlight = 1...64
    package static let defaultRequestsInFlight = 16

    /// Of buffers that a reader keeps for its next read.
    package static let freeBufferBytes = 16 << 20

    /// Extents in one page, so that a page stays below half a megabyte.
    package static let extentsPerPage = 16_384

    /// Bytes asked about in one block status request: at QEMU's 64 KiB bitmap granularity at most 16,384 extents.
    package static let statusRequestBytes: UInt64 = 1 << 30

    /// Extents accepted in one block status reply. QEMU sends at most 131,072 (1 MiB of reply).
    package static let extentsPerReply = 262_144

    /// Connecting and negotiating must be done within this.
    package static let defaultConnectTimeout: Duration = .seconds(10)

    /// Nothing at all heard from the server for this long while requests are under way: it is given up.
    package static let defaultStallTimeout: Duration = .seconds(30)

    /// Regions that a disk is counted in.
    package static let regionsPerDisk = 1...1_024

    /// Of what a guest wrote while it was away, per disk: so many that most of what is equal is left out, so few that
    /// they travel in one message.
    package static let writtenRangesPerDisk = 512
    /// Ranges that are nearer than this become one before others do; the granularity of a bitmap.
    package static let rangeGapBytes: UInt64 = 65_536

    /// Regions are at least this long and a multiple of it, because smaller ones make no sensible job.
    package static let smallestRegionBytes: UInt64 = 1 << 20

    /// What a stretch of zeros counts at most per region, against the bytes of data that are sent whole.
    package static let zeroExtentWeightBytes: UInt64 = 4_096
}
