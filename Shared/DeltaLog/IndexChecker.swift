internal import Sealing

/// Conditions I2 to I7, one extent at a time in the order of the index, with constant memory. The writer runs it
/// over what it is about to write, the reader over what it has read.
struct IndexChecker {
    private let disks: [DeltaLogDisk]
    private let keySlots: Int
    private let positions: Range<UInt64>
    private var last: DeltaLogExtent?
    private(set) var extents: UInt64 = 0
    private(set) var dataBytes: UInt64 = 0
    private(set) var zeroBytes: UInt64 = 0

    /// - Parameter positions: where in the file records may lie.
    init(disks: [DeltaLogDisk], keySlots: Int, positions: Range<UInt64>) {
        self.disks = disks
        self.keySlots = keySlots
        self.positions = positions
    }

    mutating func check(_ extent: DeltaLogExtent) throws(FormatFault) {
        try require(Int(extent.disk) < disks.count && extent.lengthSectors != 0, .indexRange)
        try require(extent.offset % DeltaLogLimits.sectorBytes == 0, .indexRange)
        let size = disks[Int(extent.disk)].sizeBytes
        try require(extent.offset < size && extent.length <= size - extent.offset, .indexRange)
        if let last {
            let follows = extent.disk > last.disk || (extent.disk == last.disk && extent.offset >= last.end)
            guard follows else {
                throw FormatFault(
                    .indexOrder, ["disk": "\(extent.disk)", "offset": "\(extent.offset)", "after": "\(last.end)"])
            }
        }
        try require(Int(extent.keySlot) < keySlots, .indexKeySlot)
        try require(extent.payloadBytes <= UInt32(DeltaLogLimits.dataBytesPerRecord), .indexLengths)
        let longest =
            extent.isZero ? DeltaLogLimits.zeroBytesPerRecord : UInt64(DeltaLogLimits.dataBytesPerRecord)
        try require(extent.skip <= extent.offset && extent.skip + extent.length <= longest, .indexLengths)
        try require(positions.contains(extent.position), .indexPosition)
        try require(UInt64(extent.recordBytes) <= positions.upperBound - extent.position, .indexPosition)
        last = extent
        extents += 1
        if extent.isZero { zeroBytes += extent.length } else { dataBytes += extent.length }
    }

    /// Condition I7, at the end.
    func checkTotals(_ trailer: Trailer) throws(FormatFault) {
        try require(extents == trailer.extents, .indexTotals)
        try require(dataBytes == trailer.dataBytes && zeroBytes == trailer.zeroBytes, .indexTotals)
    }
}
