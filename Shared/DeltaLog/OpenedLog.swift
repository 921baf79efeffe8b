internal import Sealing

/// A log whose header and trailer have been checked: what every further read needs. Format.md, "Reading".
struct OpenedLog: Sendable {
    let source: any LogSource
    let fileHeader: FileHeader
    let trailer: Trailer
    /// The header without its tag: what the guest section's seal covers too.
    let plainHeader: [UInt8]
    let metadataKey: SealingKey

    init(source: any LogSource, replicaKey: SealingKey) throws {
        let fileBytes = try source.byteCount()
        try require(fileBytes >= UInt64(FileHeader.fixedBytes), .headerMagic)
        let fixed = try source.bytes(at: 0, count: FileHeader.fixedBytes)
        let headerBytes = try FileHeader.length(fixed.span.bytes)
        try require(UInt64(headerBytes) <= fileBytes, .trailerMagic)
        let sealedHeader = try source.bytes(at: 0, count: headerBytes)
        let fileHeader = try FileHeader.decode(sealedHeader.span.bytes)
        let plainHeader = sealedHeader[..<(headerBytes - SealCipher.tagByteCount)]
        let metadataKey = try fileHeader.metadataKey(replicaKey: replicaKey)
        var seal = try MetadataSeal(key: metadataKey)
        try seal.check(sealedHeader[plainHeader.endIndex...], over: plainHeader, as: .header)
        trailer = try Self.readTrailer(source, fileBytes: fileBytes, fileHeader: fileHeader, seal: &seal)
        try require(trailer.headerDigest == SHA256Hasher.digest(of: sealedHeader.span.bytes), .trailerHeaderDigest)
        self.source = source
        self.fileHeader = fileHeader
        self.plainHeader = Array(plainHeader)
        self.metadataKey = metadataKey
    }

    private static func readTrailer(
        _ source: any LogSource, fileBytes: UInt64, fileHeader: FileHeader, seal: inout MetadataSeal
    ) throws -> Trailer {
        let block = UInt64(DeltaLogLimits.blockBytes)
        try require(fileBytes >= fileHeader.recordsPosition + block && fileBytes % block == 0, .trailerMagic)
        let bytes = try source.bytes(at: fileBytes - UInt64(Trailer.byteCount), count: Trailer.byteCount)
        let trailer = try Trailer.decode(bytes.span.bytes)
        try require(trailer.fileBytes == fileBytes, .trailerFileBytes)
        try seal.check(bytes[Trailer.sealedBytes...], over: bytes[..<Trailer.sealedBytes], as: .trailer)
        try trailer.checkInvariants(recordsPosition: fileHeader.recordsPosition)
        let padding = try source.bytes(at: trailer.indexEnd, count: Int(trailer.position - trailer.indexEnd))
        try require(padding.allSatisfy { $0 == 0 }, .trailerPadding)
        return trailer
    }

    func guest() throws -> GuestConfiguration {
        let sealed = try source.bytes(
            at: UInt64(fileHeader.headerBytes), count: Int(fileHeader.guestPackedBytes) + SealCipher.tagByteCount)
        var seal = try MetadataSeal(key: metadataKey)
        let packed = try seal.open(sealed, as: .guest, authenticating: plainHeader)
        var plain = [UInt8](repeating: 0, count: fileHeader.guestBytes)
        var decompressor = Decompressor()
        do {
            try packed.withUnsafeBytes { input in
                try plain.withUnsafeMutableBytes {
                    try decompressor.unpack(input, codec: fileHeader.guestCodec, into: $0)
                }
            }
        } catch let error as SealingError where error.code == .unpacking {
            throw FormatFault(.guestPacking, ["reason": error.message])
        }
        guard let definition = String(validating: plain[..<Int(fileHeader.definitionBytes)], as: UTF8.self) else {
            throw FormatFault(.guestDefinition)
        }
        return GuestConfiguration(definition: definition, nvram: Array(plain[Int(fileHeader.definitionBytes)...]))
    }

    /// Runs through the index in pieces, checking I1 to I7. What `body` was given counts only once this returns.
    ///
    /// - Parameter readingRecords: `body` reads each extent's record, so they are fetched ahead.
    func forEachExtent(readingRecords: Bool = false, _ body: (DeltaLogExtent) throws -> Void) throws {
        var checker = IndexChecker(
            disks: fileHeader.header.disks, keySlots: fileHeader.keyTable.count,
            positions: fileHeader.recordsPosition..<trailer.indexPosition)
        var hasher = SHA256Hasher()
        var position = trailer.indexPosition
        while position < trailer.indexEnd {
            let count = min(UInt64(DeltaLogLimits.indexReadBytes), trailer.indexEnd - position)
            let piece = try source.bytes(at: position, count: Int(count))
            hasher.update(piece.span.bytes)
            let extents = DeltaLogExtent.decodeAll(piece.span.bytes)
            var readAhead = ReadAhead()
            for (index, extent) in extents.enumerated() {
                try checker.check(extent)
                if readingRecords {
                    readAhead.step(to: index, of: extents.count, extent: { extents[$0] }) {
                        source.prepare(at: $1.position, count: $1.recordBytes)
                    }
                }
                try body(extent)
            }
            position += count
        }
        try require(hasher.digest() == trailer.indexDigest, .indexDigest)
        try checker.checkTotals(trailer)
    }
}
