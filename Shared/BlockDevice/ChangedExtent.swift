/// A stretch of a disk that has to be sent.
package struct ChangedExtent: Sendable, Hashable {
    package enum Kind: Sendable, Hashable {
        /// Holds data, which must be read.
        case data
        /// Reads as zeros: only the fact has to be sent.
        case zero
    }

    /// In bytes from the start of the disk.
    package let offset: UInt64
    /// In bytes, at least 1.
    package let length: UInt64
    package let kind: Kind

    package init(offset: UInt64, length: UInt64, kind: Kind) {
        precondition(length > 0, "an extent has a length")
        self.offset = offset
        self.length = length
        self.kind = kind
    }

    package var end: UInt64 { offset + length }
    package var range: Range<UInt64> { offset..<end }
}

/// Part of an answer to "what changed": everything up to `end` is in `extents`, nothing beyond it is.
package struct ChangedExtentPage: Sendable, Hashable {
    /// Rising, without overlap, at most `BlockDeviceLimits.extentsPerPage`.
    package let extents: [ChangedExtent]
    /// Where to go on.
    package let end: UInt64

    package init(extents: [ChangedExtent], end: UInt64) {
        self.extents = extents
        self.end = end
    }
}
