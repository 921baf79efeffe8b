internal import FoundationEssentials
internal import Sealing

/// The header as it stands in the file: what the log says of its cycle, and what is needed to open its seals.
/// Format.md, "Header".
struct FileHeader: Equatable, Sendable {
    static let fixedBytes = 160
    static let diskBytes = 40
    static let magic: UInt64 = 0x8948_524C_0D0A_1A0A  // 89 "HRL" 0D 0A 1A 0A
    static let version: UInt32 = 1
    static let longestBytes =
        fixedBytes + DeltaLogLimits.disks * diskBytes + DeltaLogLimits.keySlots * KeyTable.slotBytes
        + SealCipher.tagByteCount

    var header: DeltaLogHeader
    var fileSalt: [UInt8]
    var keyTable: KeyTable
    var guestCodec: CompressionCodec
    var definitionBytes: UInt32
    var nvramBytes: UInt32
    /// The guest section without its tag.
    var guestPackedBytes: UInt32

    /// Up to and including the header's tag.
    var headerBytes: Int {
        Self.fixedBytes + header.disks.count * Self.diskBytes + keyTable.bytes.count + SealCipher.tagByteCount
    }

    /// Where the guest section ends and records may begin.
    var recordsPosition: UInt64 { UInt64(headerBytes) + UInt64(guestPackedBytes) + UInt64(SealCipher.tagByteCount) }

    var guestBytes: Int { Int(definitionBytes) + Int(nvramBytes) }

    /// Conditions H4 and H6 to H8. Checked before a header is written and after one is read.
    func checkInvariants() throws(FormatFault) {
        try require(definitionBytes <= UInt32(DeltaLogLimits.definitionBytes), .headerLengths)
        try require(nvramBytes <= UInt32(DeltaLogLimits.nvramBytes), .headerLengths)
        switch guestCodec {
        case .none: try require(Int(guestPackedBytes) == guestBytes, .headerLengths)
        case .lz4, .zstd:
            try require(guestPackedBytes != 0 && Int(guestPackedBytes) < guestBytes, .headerLengths)
        }
        try header.checkInvariants()
        try keyTable.checkInvariants(header: header)
    }

    func metadataKey(replicaKey: SealingKey) throws -> SealingKey {
        try SealingKey.derive(
            from: replicaKey, for: .metadata, protection: header.protection, cycle: header.cycle, salt: fileSalt)
    }

    func recordKey(slot: Int, replicaKey: SealingKey) throws -> SealingKey {
        try SealingKey.deriveCycleKey(
            replicaKey: replicaKey, protection: header.protection, cycle: keyTable.cycle(slot),
            salt: keyTable.salt(slot))
    }
}
