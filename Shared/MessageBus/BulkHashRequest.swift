/// Asks for the hashes of a range of the parent point, to compare instead of copying.
package struct BulkHashRequest: Hashable, Sendable {
    package static let blockBytes: UInt32 = 65_536
    package static let hashBytes = 16

    package var disk: UInt16
    /// Bytes; a multiple of the block.
    package var offset: UInt64
    /// Bytes; at most `FrameLimits.hashRequestBytes`. The last block of a disk may be short.
    package var length: UInt64

    package init(disk: UInt16, offset: UInt64, length: UInt64) {
        self.disk = disk
        self.offset = offset
        self.length = length
    }

    /// Blocks in the range, a short last one included.
    package var blocks: Int {
        Int((length + UInt64(Self.blockBytes) - 1) / UInt64(Self.blockBytes))
    }
}
