/// How a read is cut and how much of it may be under way.
package struct ReadOptions: Sendable, Hashable {
    /// Size of one request and of one buffer, in bytes: a multiple of 4,096 from 4 KiB to 32 MiB.
    package let chunkBytes: Int
    /// Requests under way at once, and so the number of buffers: 1 to 64.
    package let requestsInFlight: Int

    package init(
        chunkBytes: Int = BlockDeviceLimits.defaultChunkBytes,
        requestsInFlight: Int = BlockDeviceLimits.defaultRequestsInFlight
    ) {
        precondition(BlockDeviceLimits.chunkBytes.contains(chunkBytes) && chunkBytes % 4_096 == 0)
        precondition(BlockDeviceLimits.requestsInFlight.contains(requestsInFlight))
        self.chunkBytes = chunkBytes
        self.requestsInFlight = requestsInFlight
    }
}
