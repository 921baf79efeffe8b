/// Changed bytes of a disk, counted per region of equal length, so that it can be cut into jobs of similar weight.
///
/// A stretch of zeros counts at most `BlockDeviceLimits.zeroExtentWeightBytes` in each region, because it is sent as
/// one short record however long it is; it never counts nothing, because then it would not be sent at all.
package struct ChangeHistogram: Sendable, Hashable {
    /// Length of every region but the last, in bytes: a multiple of `BlockDeviceLimits.smallestRegionBytes`.
    package let regionBytes: UInt64
    /// Weight per region, in bytes; 0 exactly where nothing has to be sent. The number of regions covers the disk exactly.
    package private(set) var changed: [UInt64]
    /// Changed bytes of the whole disk that hold data.
    package private(set) var dataBytes: UInt64 = 0
    /// Changed bytes of the whole disk that read as zeros.
    package private(set) var zeroBytes: UInt64 = 0

    package init(sizeBytes: UInt64, regionsAtMost: Int) {
        precondition(BlockDeviceLimits.regionsPerDisk.contains(regionsAtMost))
        let unit = BlockDeviceLimits.smallestRegionBytes
        let units = (sizeBytes + unit - 1) / unit
        let perRegion = max(1, (units + UInt64(regionsAtMost) - 1) / UInt64(regionsAtMost))
        regionBytes = perRegion * unit
        let count = (sizeBytes + regionBytes - 1) / regionBytes
        changed = [UInt64](repeating: 0, count: Int(count))
    }

    package var totalBytes: UInt64 { dataBytes + zeroBytes }

    package mutating func add(_ extent: ChangedExtent) {
        switch extent.kind {
        case .data: dataBytes += extent.length
        case .zero: zeroBytes += extent.length
        }
        var position = extent.offset
        while position < extent.end {
            let region = position / regionBytes
            let end = min(extent.end, (region + 1) * regionBytes)
            switch extent.kind {
            case .data: changed[Int(region)] += end - position
            case .zero: changed[Int(region)] += min(end - position, BlockDeviceLimits.zeroExtentWeightBytes)
            }
            position = end
        }
    }
}

extension BlockReader {
    /// Counts what has to be sent: with a bitmap every dirty extent, without one every extent that holds data, and
    /// also those of zeros when `includingZeros` is set, as a comparison needs.
    package func changeHistogram(
        bitmapContext: String?, regionsAtMost: Int, includingZeros: Bool
    ) async throws -> ChangeHistogram {
        var histogram = ChangeHistogram(sizeBytes: sizeBytes, regionsAtMost: regionsAtMost)
        try await forEachChangedExtent(in: 0..<sizeBytes, bitmapContext: bitmapContext) { extent in
            switch extent.kind {
            case .data: histogram.add(extent)
            case .zero: if includingZeros { histogram.add(extent) }
            }
        }
        return histogram
    }
}
