internal import Sealing

/// The last 192 bytes of a complete log. Format.md, "Trailer".
struct Trailer: Equatable, Sendable {
    static let byteCount = 192
    static let sealedBytes = byteCount - SealCipher.tagByteCount
    static let magic: UInt64 = 0x4852_4C2D_454E_4421  // "HRL-END!"
    static let version: UInt32 = 1

    var fileBytes: UInt64
    var indexPosition: UInt64
    var extents: UInt64
    var records: UInt64
    var dataBytes: UInt64
    var zeroBytes: UInt64
    /// SHA-256 of the header with its tag.
    var headerDigest: [UInt8]
    var indexDigest: [UInt8]

    var indexEnd: UInt64 { indexPosition + extents * UInt64(DeltaLogLimits.indexBytesPerExtent) }
    var position: UInt64 { fileBytes - UInt64(Self.byteCount) }

    var summary: DeltaLogSummary {
        DeltaLogSummary(
            extents: extents, records: records, dataBytes: dataBytes, zeroBytes: zeroBytes, fileBytes: fileBytes)
    }

    /// How long a file is whose index ends at `indexEnd`: the rest of its block, and one more for the trailer.
    static func fileBytes(indexEnd: UInt64) -> UInt64 {
        let block = UInt64(DeltaLogLimits.blockBytes)
        return (indexEnd + block - 1) / block * block + block
    }

    /// Condition T6. Checked before a trailer is written and after one is read.
    func checkInvariants(recordsPosition: UInt64) throws(FormatFault) {
        try require(extents <= UInt64(DeltaLogLimits.extents), .trailerGeometry)
        try require(records <= extents, .trailerGeometry)
        try require(indexPosition >= recordsPosition && indexPosition <= fileBytes, .trailerGeometry)
        try require(fileBytes == Self.fileBytes(indexEnd: indexEnd), .trailerGeometry)
    }

    func encode() -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: Self.byteCount) { memory, count in
            let bytes = UnsafeMutableRawBufferPointer(
                rebasing: UnsafeMutableRawBufferPointer(memory)[..<Self.byteCount])
            bytes.clear()
            bytes.store(Self.magic, at: 0)
            bytes.store(Self.version, at: 8)
            bytes.store(fileBytes, at: 16)
            bytes.store(indexPosition, at: 24)
            bytes.store(extents, at: 32)
            bytes.store(records, at: 40)
            bytes.store(dataBytes, at: 48)
            bytes.store(zeroBytes, at: 56)
            bytes.store(headerDigest, at: 64)
            bytes.store(indexDigest, at: 96)
            count = Self.byteCount
        }
    }

    static func decode(_ bytes: RawSpan) throws(FormatFault) -> Trailer {
        precondition(bytes.byteCount == byteCount)
        try require(bytes.integer(at: 0) == magic, .trailerMagic)
        try require(bytes.integer(at: 8) == version, .trailerVersion)
        try require(bytes.isZero(at: 12, count: 4) && bytes.isZero(at: 128, count: 48), .trailerVersion)
        return Trailer(
            fileBytes: bytes.integer(at: 16), indexPosition: bytes.integer(at: 24), extents: bytes.integer(at: 32),
            records: bytes.integer(at: 40), dataBytes: bytes.integer(at: 48), zeroBytes: bytes.integer(at: 56),
            headerDigest: bytes.bytes(at: 64, count: SHA256Hasher.digestByteCount),
            indexDigest: bytes.bytes(at: 96, count: SHA256Hasher.digestByteCount))
    }
}
