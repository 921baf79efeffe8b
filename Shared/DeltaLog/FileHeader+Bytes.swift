internal import FoundationEssentials
internal import Sealing

extension FileHeader {
    /// The whole header without its tag.
    func encode() -> [UInt8] {
        let plainBytes = headerBytes - SealCipher.tagByteCount
        return [UInt8](unsafeUninitializedCapacity: plainBytes) { memory, count in
            let bytes = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(memory)[..<plainBytes])
            bytes.clear()
            encodeFixed(into: bytes)
            for (index, disk) in header.disks.enumerated() {
                let start = Self.fixedBytes + index * Self.diskBytes
                bytes.store(Array(disk.target.utf8), at: start)
                bytes.store(disk.sizeBytes, at: start + DeltaLogLimits.targetNameBytes)
            }
            bytes.store(keyTable.bytes, at: Self.fixedBytes + header.disks.count * Self.diskBytes)
            count = plainBytes
        }
    }

    private func encodeFixed(into bytes: UnsafeMutableRawBufferPointer) {
        bytes.store(Self.magic, at: 0)
        bytes.store(Self.version, at: 8)
        bytes.store(UInt32(headerBytes), at: 12)
        bytes.store(withUnsafeBytes(of: header.protection.uuid) { Array($0) }, at: 16)
        bytes.store(header.cycle, at: 32)
        bytes.store(header.parentCycle, at: 40)
        bytes.store(header.pointIdentifier.bytes, at: 48)
        bytes.store(header.parentPointIdentifier.bytes, at: 64)
        bytes.store(header.capturedUnixMilliseconds, at: 80)
        bytes.store(header.generation, at: 88)
        bytes.store(fileSalt, at: 96)
        bytes.store(header.consistency.rawValue, at: 128)
        bytes.store(guestCodec.rawValue, at: 129)
        bytes.store(UInt16(header.disks.count), at: 130)
        bytes.store(UInt32(keyTable.count), at: 132)
        bytes.store(definitionBytes, at: 136)
        bytes.store(nvramBytes, at: 140)
        bytes.store(guestPackedBytes, at: 144)
    }

    /// How long the header is, from its first 160 bytes, with H1 to H4 checked as far as those bytes tell. It is
    /// bounded before anything is allocated for it.
    static func length(_ fixed: RawSpan) throws(FormatFault) -> Int {
        try require(fixed.byteCount >= fixedBytes && fixed.integer(at: 0) == magic, .headerMagic)
        let found: UInt32 = fixed.integer(at: 8)
        guard found == version else {
            throw FormatFault(.headerVersion, ["version": "\(found)", "known": "\(version)"])
        }
        try require(fixed.isZero(at: 148, count: 12), .headerReserved)
        let length = Int(fixed.integer(at: 12, as: UInt32.self))
        let disks = Int(fixed.integer(at: 130, as: UInt16.self))
        let slots = Int(fixed.integer(at: 132, as: UInt32.self))
        try require((1...DeltaLogLimits.disks).contains(disks), .headerLengths)
        try require(slots <= DeltaLogLimits.keySlots, .headerLengths)
        let expected = fixedBytes + disks * diskBytes + slots * KeyTable.slotBytes + SealCipher.tagByteCount
        try require(length == expected, .headerLengths)
        return length
    }

    /// Reads a header of which `length(_:)` has been taken and that is whole; its tag is not looked at.
    static func decode(_ bytes: RawSpan) throws(FormatFault) -> FileHeader {
        let length = try length(bytes)
        try require(bytes.byteCount == length, .headerLengths)
        guard let consistency = CaptureConsistency(rawValue: bytes.integer(at: 128)) else {
            throw FormatFault(.headerConsistency)
        }
        guard let guestCodec = CompressionCodec(rawValue: bytes.integer(at: 129)) else {
            throw FormatFault(.headerLengths)
        }
        let disks = try decodeDisks(bytes)
        let slotsStart = fixedBytes + disks.count * diskBytes
        let result = FileHeader(
            header: DeltaLogHeader(
                protection: bytes.identifier(at: 16), cycle: bytes.integer(at: 32), parentCycle: bytes.integer(at: 40),
                pointIdentifier: bytes.point(at: 48), parentPointIdentifier: bytes.point(at: 64),
                capturedUnixMilliseconds: bytes.integer(at: 80), consistency: consistency,
                generation: bytes.integer(at: 88), disks: disks),
            fileSalt: bytes.bytes(at: 96, count: SealingKey.saltByteCount),
            keyTable: KeyTable(
                bytes: bytes.bytes(at: slotsStart, count: length - SealCipher.tagByteCount - slotsStart)),
            guestCodec: guestCodec, definitionBytes: bytes.integer(at: 136), nvramBytes: bytes.integer(at: 140),
            guestPackedBytes: bytes.integer(at: 144))
        try result.checkInvariants()
        return result
    }

    private static func decodeDisks(_ bytes: RawSpan) throws(FormatFault) -> [DeltaLogDisk] {
        var disks: [DeltaLogDisk] = []
        for index in 0..<Int(bytes.integer(at: 130, as: UInt16.self)) {
            let start = fixedBytes + index * diskBytes
            let field = bytes.bytes(at: start, count: DeltaLogLimits.targetNameBytes)
            let name = field.prefix { $0 != 0 }
            try require(field.dropFirst(name.count).allSatisfy { $0 == 0 }, .headerDisks)
            disks.append(
                DeltaLogDisk(
                    target: String(decoding: name, as: UTF8.self),
                    sizeBytes: bytes.integer(at: start + DeltaLogLimits.targetNameBytes)))
        }
        return disks
    }
}

extension RawSpan {
    fileprivate func identifier(at offset: Int) -> UUID {
        let bytes = bytes(at: offset, count: 16)
        return bytes.withUnsafeBytes { UUID(uuid: $0.loadUnaligned(as: uuid_t.self)) }
    }

    fileprivate func point(at offset: Int) -> PointIdentifier {
        guard let point = PointIdentifier(bytes: bytes(at: offset, count: PointIdentifier.byteCount)) else {
            preconditionFailure("16 bytes were taken")
        }
        return point
    }
}
