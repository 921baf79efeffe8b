/// A range of one disk, and where in the file its record lies. 32 bytes, in memory as in the index.
///
/// Invariants: offset, length and skip are multiples of 512; the length is not 0; `skip + length` is at most the
/// record's length.
package struct DeltaLogExtent: Hashable, Sendable {
    /// On the disk, in bytes.
    package var offset: UInt64
    /// Of the record's header, in the file.
    package var position: UInt64
    package private(set) var lengthSectors: UInt32
    /// How far into the record's range the extent begins: not 0 only where a merge cut an older record.
    package private(set) var skipSectors: UInt32
    /// Packed size of the record's data; 0 exactly for a zero extent.
    package var payloadBytes: UInt32
    /// Which key of the log's key table the record is sealed with.
    package var keySlot: UInt16
    /// Position in the header's list of disks.
    package var disk: UInt16

    package var length: UInt64 { UInt64(lengthSectors) * DeltaLogLimits.sectorBytes }
    package var skip: UInt64 { UInt64(skipSectors) * DeltaLogLimits.sectorBytes }
    package var end: UInt64 { offset + length }
    package var range: Range<UInt64> { offset..<end }
    package var isZero: Bool { payloadBytes == 0 }

    init(
        disk: UInt16, offset: UInt64, lengthSectors: UInt32, skipSectors: UInt32, position: UInt64,
        payloadBytes: UInt32, keySlot: UInt16
    ) {
        self.disk = disk
        self.offset = offset
        self.lengthSectors = lengthSectors
        self.skipSectors = skipSectors
        self.position = position
        self.payloadBytes = payloadBytes
        self.keySlot = keySlot
    }

    /// The part of the extent inside `bounds`, which must lie within it and on sector boundaries.
    package func part(_ bounds: Range<UInt64>) -> DeltaLogExtent {
        precondition(bounds.lowerBound >= offset && bounds.upperBound <= end && !bounds.isEmpty)
        precondition((bounds.lowerBound | bounds.upperBound) % DeltaLogLimits.sectorBytes == 0)
        var part = self
        part.offset = bounds.lowerBound
        part.lengthSectors = UInt32((bounds.upperBound - bounds.lowerBound) / DeltaLogLimits.sectorBytes)
        part.skipSectors = skipSectors + UInt32((bounds.lowerBound - offset) / DeltaLogLimits.sectorBytes)
        return part
    }
}
