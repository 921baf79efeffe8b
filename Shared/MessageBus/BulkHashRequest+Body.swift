extension BulkHashRequest {
    static let bodyBytes = 24

    /// disk u16 · zero u16 · block u32 · offset u64 · length u64, big-endian.
    var body: [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendBigEndian(disk)
        bytes.appendBigEndian(UInt16(0))
        bytes.appendBigEndian(Self.blockBytes)
        bytes.appendBigEndian(offset)
        bytes.appendBigEndian(length)
        return bytes
    }

    /// Nil when a rule of the protocol is broken: length, padding, block size, alignment, or range.
    init?(body: [UInt8]) {
        guard body.count == Self.bodyBytes, body.bigEndian(at: 2, as: UInt16.self) == 0,
            body.bigEndian(at: 4, as: UInt32.self) == Self.blockBytes
        else { return nil }
        self.init(
            disk: body.bigEndian(at: 0, as: UInt16.self), offset: body.bigEndian(at: 8, as: UInt64.self),
            length: body.bigEndian(at: 16, as: UInt64.self))
        guard isAcceptable else { return nil }
    }

    var isAcceptable: Bool {
        length > 0 && length <= FrameLimits.hashRequestBytes && offset % UInt64(Self.blockBytes) == 0
            && !offset.addingReportingOverflow(length).overflow
    }
}
