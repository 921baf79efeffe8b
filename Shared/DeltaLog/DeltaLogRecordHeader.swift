package import Sealing

/// The first 48 bytes of a record, authenticated by its seal. Format.md, "Records".
package struct DeltaLogRecordHeader: Equatable, Sendable {
    package enum Kind: UInt8, Sendable, CaseIterable {
        case data = 1
        /// No payload: the range holds zeros.
        case zero = 2
    }

    package static let byteCount = 48
    package static let tagByteCount = SealCipher.tagByteCount
    /// Of any record: 48 + 1 MiB + 16.
    package static let longestRecordBytes = byteCount + DeltaLogLimits.dataBytesPerRecord + tagByteCount

    static let magic: UInt32 = 0x4252_4543  // "BREC"
    static let version: UInt8 = 1

    package var kind: Kind
    package var codec: CompressionCodec
    package var attempt: UInt32
    package var disk: UInt16
    package var sequence: UInt64
    package var offset: UInt64
    package var length: UInt64
    package var payloadBytes: UInt32

    /// Header, payload and tag.
    package var recordBytes: Int { Self.byteCount + Int(payloadBytes) + Self.tagByteCount }

    var nonce: SealNonce { SealNonce(attempt: attempt, sequence: sequence) }

    /// Conditions R4 to R6, all but the disk's size. Checked before a record is made and after one is decoded.
    func checkInvariants() throws(FormatFault) {
        try require(attempt != 0, .recordAttempt)
        try require((offset | length) % DeltaLogLimits.sectorBytes == 0 && length != 0, .recordRange)
        try require(offset <= DeltaLogLimits.diskBytes, .recordRange)
        switch kind {
        case .data:
            try require(length <= UInt64(DeltaLogLimits.dataBytesPerRecord), .recordRange)
            switch codec {
            case .none: try require(UInt64(payloadBytes) == length, .recordPayload)
            case .lz4, .zstd: try require(payloadBytes != 0 && UInt64(payloadBytes) < length, .recordPayload)
            }
        case .zero:
            try require(length <= DeltaLogLimits.zeroBytesPerRecord, .recordRange)
            try require(payloadBytes == 0 && codec == .none, .recordPayload)
        }
    }

    /// Condition R5, as far as the disk is concerned.
    func checkFits(_ disks: [DeltaLogDisk]) throws(FormatFault) {
        try require(Int(disk) < disks.count, .recordRange)
        try require(offset + length <= disks[Int(disk)].sizeBytes, .recordRange)
    }

    // MARK: Bytes

    /// Reads the header of the record that `bytes` begins with; whatever follows is not looked at.
    package static func decode(_ bytes: RawSpan) throws -> DeltaLogRecordHeader {
        do { return try decodeFormat(bytes) } catch { throw error.asRefusal }
    }

    static func decodeFormat(_ bytes: RawSpan) throws(FormatFault) -> DeltaLogRecordHeader {
        try require(bytes.byteCount >= byteCount, .recordSize)
        try require(bytes.integer(at: 0) == magic && bytes.integer(at: 4) == version, .recordMagic)
        try require(bytes.isZero(at: 7, count: 1), .recordReserved)
        try require(bytes.isZero(at: 14, count: 2) && bytes.isZero(at: 44, count: 4), .recordReserved)
        guard
            let kind = Kind(rawValue: bytes.integer(at: 5)),
            let codec = CompressionCodec(rawValue: bytes.integer(at: 6))
        else { throw FormatFault(.recordKind) }
        let header = DeltaLogRecordHeader(
            kind: kind, codec: codec, attempt: bytes.integer(at: 8), disk: bytes.integer(at: 12),
            sequence: bytes.integer(at: 16), offset: bytes.integer(at: 24), length: bytes.integer(at: 32),
            payloadBytes: bytes.integer(at: 40))
        try header.checkInvariants()
        return header
    }

    func encode(into bytes: UnsafeMutableRawBufferPointer) {
        precondition(bytes.count == Self.byteCount)
        bytes.clear()
        bytes.store(Self.magic, at: 0)
        bytes.store(Self.version, at: 4)
        bytes.store(kind.rawValue, at: 5)
        bytes.store(codec.rawValue, at: 6)
        bytes.store(attempt, at: 8)
        bytes.store(disk, at: 12)
        bytes.store(sequence, at: 16)
        bytes.store(offset, at: 24)
        bytes.store(length, at: 32)
        bytes.store(payloadBytes, at: 40)
    }
}
