internal import Sealing

/// Takes in the records of one attempt, in order: checks header, sequence and seal, and keeps the extents and the
/// running digest.
///
/// Unchecked, because it is reached through the lock of its `AttemptLane` alone.
final class AttemptIntake: @unchecked Sendable {
    private let attempt: UInt32
    private let disks: [DeltaLogDisk]
    private var cipher: SealCipher
    private var hasher = SHA256Hasher()
    private var storedBytes: UInt64 = 0
    private(set) var extents: [DeltaLogExtent] = []

    init(attempt: UInt32, disks: [DeltaLogDisk], key: SealingKey) throws {
        self.attempt = attempt
        self.disks = disks
        cipher = try SealCipher(key: key)
    }

    var summary: AttemptSummary {
        AttemptSummary(records: UInt64(extents.count), storedBytes: storedBytes, digest: hasher.digest())
    }

    /// Checks the record's header, place in the attempt, and seal; counts nothing yet.
    func check(_ record: UnsafeRawBufferPointer) throws -> DeltaLogRecordHeader {
        do {
            let header = try DeltaLogRecordHeader.decodeFormat(record.bytes)
            try checkOrigin(header, recordBytes: record.count)
            try cipher.checkSeal(header, RecordParts(record, payloadBytes: Int(header.payloadBytes)))
            return header
        } catch let fault as FormatFault {
            throw fault.asRefusal
        }
    }

    /// Counts a checked record that now stands at `position` in the file.
    func count(_ record: UnsafeRawBufferPointer, _ header: DeltaLogRecordHeader, at position: UInt64) {
        let parts = RecordParts(record, payloadBytes: Int(header.payloadBytes))
        hasher.update(parts.header)
        hasher.update(parts.tag)
        storedBytes += UInt64(record.count)
        extents.append(DeltaLogExtent(wholeRecord: header, position: position, keySlot: 0))
    }

    private func checkOrigin(_ header: DeltaLogRecordHeader, recordBytes: Int) throws(FormatFault) {
        try require(header.attempt == attempt, .recordAttempt)
        try header.checkFits(disks)
        try require(header.recordBytes == recordBytes, .recordSize)
        guard header.sequence == UInt64(extents.count) else {
            throw FormatFault(
                .recordSequence, ["expected": "\(extents.count)", "found": "\(header.sequence)"])
        }
    }
}

extension SealCipher {
    /// Condition R8.
    mutating func checkSeal(_ header: DeltaLogRecordHeader, _ parts: RecordParts<UnsafeRawBufferPointer>) throws {
        do {
            try verify(parts.payload, tag: parts.tag, authenticating: parts.header, nonce: header.nonce)
        } catch let error as SealingError where error.code == .authentication {
            throw FormatFault(.recordSeal, ["attempt": "\(header.attempt)", "sequence": "\(header.sequence)"])
        }
    }
}

extension DeltaLogExtent {
    /// The extent of all that a record covers.
    init(wholeRecord header: DeltaLogRecordHeader, position: UInt64, keySlot: UInt16) {
        self.init(
            disk: header.disk, offset: header.offset,
            lengthSectors: UInt32(header.length / DeltaLogLimits.sectorBytes), skipSectors: 0, position: position,
            payloadBytes: header.payloadBytes, keySlot: keySlot)
    }
}
