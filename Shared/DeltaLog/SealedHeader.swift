internal import Sealing

/// Header and guest section of a new log, sealed, as they are written.
struct SealedHeader {
    let fileHeader: FileHeader
    let metadataKey: SealingKey
    /// Header, its tag, guest section, its tag.
    let bytes: [UInt8]

    init(header: DeltaLogHeader, guest: GuestConfiguration, keyTable: KeyTable, replicaKey: SealingKey) throws {
        let plainGuest = try Self.plainGuest(guest)
        let (codec, packedGuest) = Self.pack(plainGuest)
        let fileHeader = FileHeader(
            header: header, fileSalt: try SecureRandom.bytes(SealingKey.saltByteCount), keyTable: keyTable,
            guestCodec: codec, definitionBytes: UInt32(guest.definition.utf8.count),
            nvramBytes: UInt32(guest.nvram.count), guestPackedBytes: UInt32(packedGuest.count))
        do {
            try fileHeader.checkInvariants()
        } catch {
            throw DeltaLogError(
                .limitExceeded, "the header is not one that a delta log can have: \(error.condition.sentence)",
                facts: ["condition": error.condition.rawValue])
        }
        let plainHeader = fileHeader.encode()
        let metadataKey = try fileHeader.metadataKey(replicaKey: replicaKey)
        var seal = try MetadataSeal(key: metadataKey)
        self.fileHeader = fileHeader
        self.metadataKey = metadataKey
        bytes =
            plainHeader + (try seal.tag(over: plainHeader[...], as: .header))
            + (try seal.seal(packedGuest, as: .guest, authenticating: plainHeader))
    }

    private static func plainGuest(_ guest: GuestConfiguration) throws -> [UInt8] {
        let definition = Array(guest.definition.utf8)
        guard definition.count <= DeltaLogLimits.definitionBytes, guest.nvram.count <= DeltaLogLimits.nvramBytes else {
            throw DeltaLogError(
                .limitExceeded, "the guest's definition or its UEFI variables are too long",
                facts: [
                    "definitionBytes": "\(definition.count)", "nvramBytes": "\(guest.nvram.count)",
                    "mostDefinitionBytes": "\(DeltaLogLimits.definitionBytes)",
                    "mostNvramBytes": "\(DeltaLogLimits.nvramBytes)",
                ])
        }
        return definition + guest.nvram
    }

    /// Packed, because UEFI variables are mostly empty, and every log of a journal holds them.
    private static func pack(_ plain: [UInt8]) -> (CompressionCodec, [UInt8]) {
        var packed = [UInt8](repeating: 0, count: plain.count)
        var compressor = Compressor()
        let outcome = plain.withUnsafeBytes { input in
            packed.withUnsafeMutableBytes { compressor.pack(input, into: $0, preference: .zstd) }
        }
        switch outcome.codec {
        case .none: return (.none, plain)
        case .lz4, .zstd: return (outcome.codec, Array(packed[..<outcome.byteCount]))
        }
    }
}
