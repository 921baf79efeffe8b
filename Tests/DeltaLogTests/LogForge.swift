import FoundationEssentials
import Sealing

@testable import DeltaLog

/// Takes a log apart and puts it together again with every digest and tag made right, so that what was altered in
/// between meets the conditions behind the seals.
struct LogForge {
    var header: [UInt8]
    /// The guest section as packed, before sealing.
    var packedGuest: [UInt8]
    /// From the end of the guest section to the index.
    var records: [UInt8]
    var index: [UInt8]
    /// Without its tag. Digests are filled in; everything else stays as it is here.
    var trailer: [UInt8]
    /// Between index and trailer.
    var padding: [UInt8]

    private let replicaKey: SealingKey

    init(_ bytes: [UInt8], replicaKey: SealingKey) throws {
        let log = try OpenedLog(source: MemorySource(bytes: bytes), replicaKey: replicaKey)
        self.replicaKey = replicaKey
        header = log.plainHeader
        let guestEnd = Int(log.fileHeader.recordsPosition)
        var seal = try MetadataSeal(key: log.metadataKey)
        packedGuest = try seal.open(
            Array(bytes[log.fileHeader.headerBytes..<guestEnd]), as: .guest, authenticating: header)
        let indexStart = Int(log.trailer.indexPosition)
        let indexEnd = Int(log.trailer.indexEnd)
        let trailerStart = bytes.count - Trailer.byteCount
        records = Array(bytes[guestEnd..<indexStart])
        index = Array(bytes[indexStart..<indexEnd])
        padding = Array(bytes[indexEnd..<trailerStart])
        trailer = Array(bytes[trailerStart..<trailerStart + Trailer.sealedBytes])
    }

    func assembled() throws -> [UInt8] {
        var seal = try MetadataSeal(key: try metadataKey())
        let sealedHeader = header + (try seal.tag(over: header[...], as: .header))
        let guest = try seal.seal(packedGuest, as: .guest, authenticating: header)
        var trailer = trailer
        trailer.replaceSubrange(64..<96, with: SHA256Hasher.digest(of: sealedHeader.span.bytes))
        trailer.replaceSubrange(96..<128, with: SHA256Hasher.digest(of: index.span.bytes))
        let sealedTrailer = trailer + (try seal.tag(over: trailer[...], as: .trailer))
        return sealedHeader + guest + records + index + padding + sealedTrailer
    }

    /// Seals the first record anew, after its header or its (sealed) payload was altered.
    mutating func resealFirstRecord(header edit: (inout [UInt8]) -> Void, payload: [UInt8]? = nil) throws {
        let start = DeltaLogRecordHeader.byteCount
        guard records.count >= start, header.count >= FileHeader.fixedBytes + KeyTable.slotBytes else {
            throw FormatFault(.recordSize)
        }
        var recordHeader = Array(records[..<start])
        let old = try DeltaLogRecordHeader.decode(recordHeader.span.bytes)
        try require(old.recordBytes <= records.count, .recordSize)
        edit(&recordHeader)
        let plain = payload ?? [UInt8](repeating: 0, count: Int(old.payloadBytes))
        var sealed = [UInt8](repeating: 0, count: plain.count)
        var tag = [UInt8](repeating: 0, count: SealCipher.tagByteCount)
        var cipher = try SealCipher(key: try recordKey())
        try plain.withUnsafeBytes { input in
            try sealed.withUnsafeMutableBytes { output in
                try tag.withUnsafeMutableBytes { tag in
                    try recordHeader.withUnsafeBytes {
                        try cipher.seal(input, into: output, tag: tag, authenticating: $0, nonce: old.nonce)
                    }
                }
            }
        }
        records.replaceSubrange(..<old.recordBytes, with: recordHeader + sealed + tag)
    }

    private func metadataKey() throws -> SealingKey {
        try SealingKey.derive(
            from: replicaKey, for: .metadata, protection: protection, cycle: header.span.bytes.integer(at: 32),
            salt: Array(header[96..<128]))
    }

    private func recordKey() throws -> SealingKey {
        let slot = header.count - KeyTable.slotBytes
        return try SealingKey.deriveCycleKey(
            replicaKey: replicaKey, protection: protection, cycle: header.span.bytes.integer(at: slot),
            salt: Array(header[(slot + 8)...]))
    }

    private var protection: UUID {
        header.withUnsafeBytes { UUID(uuid: $0.loadUnaligned(fromByteOffset: 16, as: uuid_t.self)) }
    }
}

extension [UInt8] {
    mutating func store<Integer: FixedWidthInteger & BitwiseCopyable>(_ value: Integer, at offset: Int) {
        withUnsafeMutableBytes { $0.store(value, at: offset) }
    }
}
