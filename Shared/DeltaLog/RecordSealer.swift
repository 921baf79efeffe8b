package import Sealing

/// Makes the records of one attempt: packs, seals and numbers them. Used by a worker; not shared between threads.
///
/// It cannot be copied, because two sealers with one attempt would use a nonce twice. For the same reason a sealer is
/// never made again for an attempt: after a failure the job goes on under a new attempt.
package struct RecordSealer: ~Copyable, Sendable {
    package let attempt: UInt32
    /// Number of the next record; the first is 0.
    package private(set) var sequence: UInt64 = 0

    private let preference: CompressionPreference
    private var cipher: SealCipher
    private var compressor: Compressor
    private var hasher: SHA256Hasher
    /// Packed bytes on their way to a record of exactly their size, because records wait in queues that count bytes.
    private var packed: [UInt8] = []

    /// - Parameter attempt: unique within the opening of the cycle that `key` was made for, and not 0.
    package init(key: SealingKey, attempt: UInt32, preference: CompressionPreference) throws {
        guard attempt != 0 else { throw FormatFault(.recordAttempt).asRefusal }
        let cipher = try SealCipher(key: key)
        self.attempt = attempt
        self.preference = preference
        self.cipher = cipher
        compressor = Compressor()
        hasher = SHA256Hasher()
    }

    /// A sealed data record: 48 bytes of header, the packed and sealed data, 16 bytes of tag.
    ///
    /// `offset` and the number of bytes are multiples of 512; there are 512 bytes to 1 MiB.
    /// - Throws: `DeltaLogError.recordRefused` for other ranges; nothing is numbered then.
    package mutating func sealData(disk: UInt16, offset: UInt64, bytes: RawSpan) throws -> [UInt8] {
        var header = DeltaLogRecordHeader(
            kind: .data, codec: .none, attempt: attempt, disk: disk, sequence: sequence, offset: offset,
            length: UInt64(bytes.byteCount), payloadBytes: UInt32(clamping: bytes.byteCount))
        try check(header)
        return try bytes.withUnsafeBytes { plain in
            if preference == .none { return try makeRecord(header, payload: plain) }
            if packed.count < plain.count { packed = [UInt8](repeating: 0, count: plain.count) }
            let outcome = packed.withUnsafeMutableBytes {
                compressor.pack(plain, into: $0, preference: preference)
            }
            header.codec = outcome.codec
            header.payloadBytes = UInt32(outcome.byteCount)
            switch outcome.codec {
            case .none: return try makeRecord(header, payload: plain)
            case .lz4, .zstd:
                let payload = packed
                return try payload.withUnsafeBytes {
                    try makeRecord(header, payload: UnsafeRawBufferPointer(rebasing: $0.prefix(outcome.byteCount)))
                }
            }
        }
    }

    /// An authenticated record that says: this range holds zeros. 64 bytes.
    ///
    /// `offset` and `length` are multiples of 512; `length` is 512 bytes to 1 TiB.
    /// - Throws: `DeltaLogError.recordRefused` for other ranges; nothing is numbered then.
    package mutating func zero(disk: UInt16, offset: UInt64, length: UInt64) throws -> [UInt8] {
        let header = DeltaLogRecordHeader(
            kind: .zero, codec: .none, attempt: attempt, disk: disk, sequence: sequence, offset: offset,
            length: length, payloadBytes: 0)
        try check(header)
        return try makeRecord(header, payload: UnsafeRawBufferPointer(start: nil, count: 0))
    }

    /// SHA-256 over header and tag of every record made so far; equals `AttemptSummary.digest` of the receiving side.
    package func digest() -> [UInt8] {
        hasher.digest()
    }

    private func check(_ header: DeltaLogRecordHeader) throws {
        do { try header.checkInvariants() } catch { throw error.asRefusal }
    }

    private mutating func makeRecord(
        _ header: DeltaLogRecordHeader, payload: UnsafeRawBufferPointer
    ) throws -> [UInt8] {
        let record = try [UInt8](unsafeUninitializedCapacity: header.recordBytes) { memory, count in
            let parts = RecordParts(UnsafeMutableRawBufferPointer(memory), payloadBytes: payload.count)
            header.encode(into: parts.header)
            try cipher.seal(
                payload, into: parts.payload, tag: parts.tag,
                authenticating: UnsafeRawBufferPointer(parts.header), nonce: header.nonce)
            hasher.update(UnsafeRawBufferPointer(parts.header))
            hasher.update(UnsafeRawBufferPointer(parts.tag))
            count = header.recordBytes
        }
        sequence += 1
        return record
    }
}
