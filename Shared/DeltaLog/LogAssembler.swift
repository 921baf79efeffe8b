internal import Sealing

/// Lays down a log's file in the order that Format.md gives: header, guest, records, index, sync, trailer, sync.
/// Which records, and which of them surface, its users decide: the writer and the merger.
final class LogAssembler: Sendable {
    let path: String
    let fileHeader: FileHeader
    private let headerDigest: [UInt8]
    private let metadataKey: SealingKey
    private let staged: StagedFile

    /// Creates the file and puts header and guest section into it. Nothing is left behind when it throws.
    init(
        path: String, header: DeltaLogHeader, guest: GuestConfiguration, keyTable: KeyTable, replicaKey: SealingKey,
        createFile: (String) throws -> any StagingTarget = LogFile.init(creating:)
    ) throws {
        let sealed = try SealedHeader(header: header, guest: guest, keyTable: keyTable, replicaKey: replicaKey)
        self.path = path
        fileHeader = sealed.fileHeader
        metadataKey = sealed.metadataKey
        let headerBytes = Array(sealed.bytes[..<fileHeader.headerBytes])
        headerDigest = SHA256Hasher.digest(of: headerBytes.span.bytes)
        staged = StagedFile(file: try createFile(path))
        do {
            _ = try sealed.bytes.withUnsafeBytes { try staged.append($0) }
        } catch {
            discard()
            throw error
        }
    }

    var byteCount: UInt64 { staged.byteCount }

    /// Takes a record over and returns its position.
    func append(_ record: UnsafeRawBufferPointer) throws -> UInt64 {
        try staged.append(record)
    }

    /// Writes index and trailer. `extents` are sorted; the file is complete and synced when this returns.
    /// - Throws: `.overlap` when two extents share bytes.
    func complete(extents: [DeltaLogExtent], records: UInt64) throws -> DeltaLogSummary {
        var result: Trailer?
        try staged.complete { append in
            // An empty append tells where the records end.
            let indexPosition = try append(UnsafeRawBufferPointer(start: nil, count: 0))
            var checker = IndexChecker(
                disks: fileHeader.header.disks, keySlots: fileHeader.keyTable.count,
                positions: fileHeader.recordsPosition..<indexPosition)
            let digest = try writeIndex(extents, &checker, append)
            var trailer = Trailer(
                fileBytes: 0, indexPosition: indexPosition, extents: checker.extents, records: records,
                dataBytes: checker.dataBytes, zeroBytes: checker.zeroBytes, headerDigest: headerDigest,
                indexDigest: digest)
            trailer.fileBytes = Trailer.fileBytes(indexEnd: trailer.indexEnd)
            try requireOwn { () throws(FormatFault) in
                try trailer.checkInvariants(recordsPosition: fileHeader.recordsPosition)
            }
            result = trailer
            return try sealedBlock(trailer)
        }
        guard let result else { preconditionFailure("completing gives a trailer") }
        return result.summary
    }

    /// Closes and removes the file. A file that cannot be removed is found and cleared with the rest of its directory.
    func discard() {
        staged.discard()
        do { try LogFile.remove(path) } catch { return }
    }

    // MARK: Pieces

    /// Extents are encoded this many at a time.
    private static let extentsPerPiece = 2_048

    private func writeIndex(
        _ extents: [DeltaLogExtent], _ checker: inout IndexChecker,
        _ append: (UnsafeRawBufferPointer) throws -> UInt64
    ) throws -> [UInt8] {
        var hasher = SHA256Hasher()
        var piece = [UInt8](repeating: 0, count: Self.extentsPerPiece * DeltaLogExtent.byteCount)
        var next = 0
        while next < extents.count {
            let count = min(Self.extentsPerPiece, extents.count - next)
            try piece.withUnsafeMutableBytes { bytes in
                for index in 0..<count {
                    try requireOwn { () throws(FormatFault) in try checker.check(extents[next + index]) }
                    let start = index * DeltaLogExtent.byteCount
                    extents[next + index].encode(
                        into: UnsafeMutableRawBufferPointer(rebasing: bytes[start..<start + DeltaLogExtent.byteCount]))
                }
                let filled = UnsafeRawBufferPointer(rebasing: bytes[..<(count * DeltaLogExtent.byteCount)])
                hasher.update(filled)
                _ = try append(filled)
            }
            next += count
        }
        return hasher.digest()
    }

    private func sealedBlock(_ trailer: Trailer) throws -> [UInt8] {
        let plain = trailer.encode()
        var seal = try MetadataSeal(key: metadataKey)
        let tag = try seal.tag(over: plain[..<Trailer.sealedBytes], as: .trailer)
        return [UInt8](repeating: 0, count: DeltaLogLimits.blockBytes - Trailer.byteCount)
            + plain[..<Trailer.sealedBytes] + tag
    }

    /// What we are about to write must be valid: records were checked on arrival, so only an overlap can come from
    /// outside.
    private func requireOwn(_ check: () throws(FormatFault) -> Void) throws {
        do {
            try check()
        } catch {
            guard error.condition == .indexOrder else {
                preconditionFailure("about to write an invalid log: \(error.condition.sentence)")
            }
            throw DeltaLogError(.overlap, "records of the committed attempts cover the same range", facts: error.facts)
        }
    }
}
