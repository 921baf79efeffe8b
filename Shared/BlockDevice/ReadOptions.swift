/// How a read is cut and how much of it may be under way.
package struct ReadOptions: Sendable, Hashable {
    /// Size of the largest request, in bytes: a multiple of 4,096 from 4 KiB to 32 MiB.
    package let chunkBytes: Int
    /// Requests under way at once: 1 to 64. Small ones wait for the disk as long as large ones, so scattered blocks
    /// want many.
    package let requestsInFlight: Int
    /// Bytes under way at once, and so the memory of a read; at least one request is.
    package let bytesInFlight: Int

    package init(
        chunkBytes: Int = BlockDeviceLimits.defaultChunkBytes,
        requestsInFlight: Int = BlockDeviceLimits.defaultRequestsInFlight,
        bytesInFlight: Int = .max
    ) {
        precondition(BlockDeviceLimits.chunkBytes.contains(chunkBytes) && chunkBytes % 4_096 == 0)
        precondition(BlockDeviceLimits.requestsInFlight.contains(requestsInFlight))
        self.chunkBytes = chunkBytes
        precondition(bytesInFlight >= chunkBytes)
        self.requestsInFlight = requestsInFlight
        self.bytesInFlight = bytesInFlight
    }
}
