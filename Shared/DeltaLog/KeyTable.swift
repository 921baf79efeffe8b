internal import Sealing

/// The cycles whose records a log holds, and the salts of their keys. One slot takes 40 bytes, as in the file.
struct KeyTable: Equatable, Sendable {
    static let slotBytes = 40

    /// Slots as they stand in the file: cycle, then salt.
    private(set) var bytes: [UInt8] = []

    var count: Int { bytes.count / Self.slotBytes }

    init() {}

    init(bytes: [UInt8]) {
        precondition(bytes.count % Self.slotBytes == 0)
        self.bytes = bytes
    }

    mutating func append(cycle: UInt64, salt: [UInt8]) {
        precondition(salt.count == SealingKey.saltByteCount)
        withUnsafeBytes(of: cycle.bigEndian) { bytes.append(contentsOf: $0) }
        bytes.append(contentsOf: salt)
    }

    func cycle(_ slot: Int) -> UInt64 {
        bytes.span.bytes.integer(at: slot * Self.slotBytes)
    }

    func salt(_ slot: Int) -> [UInt8] {
        Array(bytes[slot * Self.slotBytes + 8..<(slot + 1) * Self.slotBytes])
    }

    /// Condition H8: cycles rise, from after the parent to the log's own.
    func checkInvariants(header: DeltaLogHeader) throws(FormatFault) {
        try require(count <= DeltaLogLimits.keySlots, .headerLengths)
        var last = header.parentCycle
        for slot in 0..<count {
            try require(cycle(slot) > last, .headerKeyTable)
            last = cycle(slot)
        }
        try require(last <= header.cycle, .headerKeyTable)
    }
}
