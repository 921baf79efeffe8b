internal import Sealing

/// Memory and contexts to fetch, open and unpack one record at a time. It remembers the record that it holds.
///
final class RecordWorkbench {
    /// Which record of which reader.
    struct Name: Equatable {
        var reader: UInt64
        var position: UInt64
    }

    /// The record whose opened and unpacked data is in memory.
    private struct Held {
        var name: Name
        var header: DeltaLogRecordHeader
    }

    /// A cipher and the key it was made with.
    private final class KeyedCipher {
        let key: SealingKey
        var cipher: SealCipher

        init(_ key: SealingKey) throws {
            self.key = key
            cipher = try SealCipher(key: key)
        }
    }

    private var holding: Held?
    private var keyed: KeyedCipher?
    private var decompressor = Decompressor()
    private let sealed = UnsafeMutableRawBufferPointer.allocate(
        byteCount: DeltaLogRecordHeader.longestRecordBytes, alignment: 64)
    private let unpacked = UnsafeMutableRawBufferPointer.allocate(
        byteCount: DeltaLogLimits.dataBytesPerRecord, alignment: 64)

    deinit {
        sealed.deallocate()
        unpacked.deallocate()
    }

    var held: Name? { holding?.name }

    /// The part of the record's data that `extent` refers to.
    func data(of extent: DeltaLogExtent) -> UnsafeRawBufferPointer {
        guard let header = holding?.header else { preconditionFailure("nothing is held") }
        let plain =
            switch header.codec {
            case .none: RecordParts(sealed, payloadBytes: Int(header.payloadBytes)).payload
            case .lz4, .zstd: unpacked
            }
        return UnsafeRawBufferPointer(rebasing: plain[Int(extent.skip)..<Int(extent.skip + extent.length)])
    }

    /// Fetches the record of `extent`, unless it is held already, and checks conditions R1 to R10.
    func hold(
        _ extent: DeltaLogExtent, of name: Name, from source: any LogSource, key: () throws -> SealingKey
    ) throws {
        if let holding, holding.name == name { return try holding.header.checkDescribed(by: extent) }
        holding = nil
        let header = try fetch(extent, from: source)
        try header.checkDescribed(by: extent)
        try open(header, key: try key())
        holding = Held(name: name, header: header)
    }

    /// Fetches the record as it stands and checks conditions R1 to R8 and R10, without unpacking.
    /// - Returns: header, payload and tag; valid until the next call.
    func fetchSealed(
        _ extent: DeltaLogExtent, from source: any LogSource, key: () throws -> SealingKey
    ) throws -> UnsafeRawBufferPointer {
        holding = nil
        let header = try fetch(extent, from: source)
        try header.checkDescribed(by: extent)
        let record = UnsafeRawBufferPointer(rebasing: sealed[..<header.recordBytes])
        try withCipher(try key()) { cipher in
            try cipher.checkSeal(header, RecordParts(record, payloadBytes: Int(header.payloadBytes)))
        }
        return record
    }

    private func fetch(_ extent: DeltaLogExtent, from source: any LogSource) throws -> DeltaLogRecordHeader {
        let record = UnsafeMutableRawBufferPointer(rebasing: sealed[..<extent.recordBytes])
        try source.read(at: extent.position, into: record)
        let header = try DeltaLogRecordHeader.decodeFormat(UnsafeRawBufferPointer(record).bytes)
        try require(header.payloadBytes == extent.payloadBytes, .recordOfExtent)
        return header
    }

    /// Opens the seal in place, and unpacks.
    private func open(_ header: DeltaLogRecordHeader, key: SealingKey) throws {
        let parts = RecordParts(sealed, payloadBytes: Int(header.payloadBytes))
        do {
            try withCipher(key) { cipher in
                try cipher.open(
                    UnsafeRawBufferPointer(parts.payload), into: parts.payload, tag: UnsafeRawBufferPointer(parts.tag),
                    authenticating: UnsafeRawBufferPointer(parts.header), nonce: header.nonce)
            }
            switch (header.kind, header.codec) {
            case (.zero, _), (.data, .none): break
            case (.data, .lz4), (.data, .zstd):
                try decompressor.unpack(
                    UnsafeRawBufferPointer(parts.payload), codec: header.codec,
                    into: UnsafeMutableRawBufferPointer(rebasing: unpacked[..<Int(header.length)]))
            }
        } catch let error as SealingError {
            switch error.code {
            case .authentication: throw FormatFault(.recordSeal, header.facts)
            case .unpacking: throw FormatFault(.recordUnpacking, header.facts)
            case .invalidLength, .library: throw error
            }
        }
    }

    private func withCipher(_ key: SealingKey, _ body: (inout SealCipher) throws -> Void) throws {
        if let keyed, keyed.key === key { return try body(&keyed.cipher) }
        let keyed = try KeyedCipher(key)
        self.keyed = keyed
        try body(&keyed.cipher)
    }
}

extension DeltaLogRecordHeader {
    var facts: [String: String] {
        ["disk": "\(disk)", "offset": "\(offset)", "attempt": "\(attempt)", "sequence": "\(sequence)"]
    }

    /// Condition R10: the index describes this very record.
    func checkDescribed(by extent: DeltaLogExtent) throws(FormatFault) {
        let same = disk == extent.disk && payloadBytes == extent.payloadBytes && (kind == .zero) == extent.isZero
        guard same, offset == extent.offset - extent.skip, extent.skip + extent.length <= length else {
            throw FormatFault(.recordOfExtent, facts)
        }
    }
}
