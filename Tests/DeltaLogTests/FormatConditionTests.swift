import Sealing
import Testing

@testable import DeltaLog

/// Logs whose digests and tags are right, and of which one condition behind them does not hold. Nobody without the
/// replica's key can make one; a later writer with a fault could.
@Suite struct FormatConditionTests {
    let fixture: LogFixture
    let bytes: [UInt8]

    init() throws {
        fixture = try LogFixture()
        try fixture.log(
            preference: .none,
            writes: [
                .data(disk: 0, offset: 4096, bytes: DiskWrite.pattern(1, count: 1024)),
                .data(disk: 0, offset: 8192, bytes: DiskWrite.pattern(2, count: 512)),
                .zero(disk: 1, offset: 0, length: 1 << 30),
            ])
        bytes = try fixture.bytes()
    }

    private func expect(
        _ condition: FormatCondition, _ code: DeltaLogError.Code = .corrupt,
        sourceLocation: SourceLocation = #_sourceLocation, _ edit: (inout LogForge) throws -> Void
    ) throws {
        var forge = try LogForge(bytes, replicaKey: fixture.replicaKey)
        try edit(&forge)
        let forged = try forge.assembled()
        expectCode(code, condition: condition, sourceLocation: sourceLocation) { try fixture.readAll(forged) }
    }

    @Test func anUneditedForgeryIsTheLogItself() throws {
        #expect(try LogForge(bytes, replicaKey: fixture.replicaKey).assembled() == bytes)
    }

    @Test func header() throws {
        try expect(.headerVersion, .unsupportedVersion) { $0.header.store(UInt32(2), at: 8) }
        for reserved in [148, 159] { try expect(.headerReserved) { $0.header[reserved] = 1 } }
        try expect(.headerLengths) { $0.header.store(UInt32(200), at: 12) }
        for disks: UInt16 in [0, 1, 3, 65, .max] { try expect(.headerLengths) { $0.header.store(disks, at: 130) } }
        for slots: UInt32 in [0, 2, 65_536, .max] { try expect(.headerLengths) { $0.header.store(slots, at: 132) } }
        for length: UInt32 in [(1 << 20) + 1, .max] { try expect(.headerLengths) { $0.header.store(length, at: 136) } }
        for length: UInt32 in [(8 << 20) + 1, .max] { try expect(.headerLengths) { $0.header.store(length, at: 140) } }
        for length: UInt32 in [0, 3_100, .max] { try expect(.headerLengths) { $0.header.store(length, at: 144) } }
        try expect(.headerLengths) { $0.header[129] = 3 }
        try expect(.headerLengths) { $0.header[129] = 0 }
        for value: UInt8 in [0, 3] { try expect(.headerConsistency) { $0.header[128] = value } }
        try expect(.headerAncestry) { $0.header.store(UInt64(1), at: 40) }
        try expect(.headerAncestry) { $0.header[64] = 1 }
        try expect(.headerAncestry) { $0.header.replaceSubrange(48..<64, with: repeatElement(0, count: 16)) }
    }

    @Test func disksAndKeyTable() throws {
        for byte: UInt8 in [0, UInt8(ascii: "/"), 0x80] { try expect(.headerDisks) { $0.header[160] = byte } }
        try expect(.headerDisks) { $0.header[160 + 20] = UInt8(ascii: "x") }
        try expect(.headerDisks) { $0.header[202] = UInt8(ascii: "a") }
        for size: UInt64 in [0, 513, (1 << 60) + 512, .max] {
            try expect(.headerDisks) { $0.header.store(size, at: 192) }
        }
        for cycle: UInt64 in [0, 2, .max] { try expect(.headerKeyTable) { $0.header.store(cycle, at: 240) } }
    }

    @Test func guestSection() throws {
        try expect(.guestPacking) { $0.packedGuest[0] ^= 0xFF }
        try expect(.guestPacking) { $0.header.store(UInt32(2_999), at: 140) }
        var forge = try LogForge(bytes, replicaKey: fixture.replicaKey)
        let plain: [UInt8] = [0xFF, 0xFE]
        forge.header[129] = 0
        forge.header.store(UInt32(2), at: 136)
        forge.header.store(UInt32(0), at: 140)
        forge.header.store(UInt32(2), at: 144)
        // What the guest section loses in length the records gain in front, so that all else stays in place.
        let lost = forge.packedGuest.count - plain.count
        forge.packedGuest = plain
        forge.records = [UInt8](repeating: 0, count: lost) + forge.records
        let forged = try forge.assembled()
        expectCode(.corrupt, condition: .guestDefinition) { try fixture.readAll(forged) }
    }

    @Test func trailer() throws {
        try expect(.trailerMagic, .incomplete) { $0.trailer[0] = 0 }
        try expect(.trailerVersion) { $0.trailer.store(UInt32(2), at: 8) }
        for reserved in [12, 128, 175] { try expect(.trailerVersion) { $0.trailer[reserved] = 1 } }
        try expect(.trailerFileBytes, .incomplete) { $0.trailer.store(UInt64(4096), at: 16) }
        for position: UInt64 in [0, 100, 1 << 20, .max] {
            try expect(.trailerGeometry) { $0.trailer.store(position, at: 24) }
        }
        for extents: UInt64 in [0, 200, 1 << 26, .max, 1 << 59] {
            try expect(.trailerGeometry) { $0.trailer.store(extents, at: 32) }
        }
        try expect(.trailerGeometry) { $0.trailer.store(UInt64(4), at: 40) }
        try expect(.trailerPadding) { $0.padding[0] = 1 }
        try expect(.trailerPadding) { $0.padding[$0.padding.count - 1] = 1 }
    }

    @Test func index() throws {
        let third = 2 * DeltaLogExtent.byteCount
        try expect(.indexRange) { $0.index.store(UInt32(0), at: 16) }
        for offset: UInt64 in [1, 64 << 20, .max - 511] { try expect(.indexRange) { $0.index.store(offset, at: 0) } }
        try expect(.indexRange) { $0.index.store(UInt16(2), at: third + 30) }
        try expect(.indexOrder) { $0.index.store(UInt64(4608), at: 32) }
        try expect(.indexOrder) { $0.index.store(UInt64(0), at: 32) }
        try expect(.indexKeySlot) { $0.index.store(UInt16(1), at: 28) }
        try expect(.indexLengths) { $0.index.store(UInt32.max, at: 24) }
        for skip: UInt32 in [9, 2047, .max] { try expect(.indexLengths) { $0.index.store(skip, at: 20) } }
        for position: UInt64 in [0, 160, 1 << 40, .max] {
            try expect(.indexPosition) { $0.index.store(position, at: 8) }
        }
        try expect(.indexTotals) { $0.trailer.store(UInt64(1), at: 48) }
        try expect(.indexTotals) { $0.trailer.store(UInt64(1), at: 56) }
    }

    @Test func records() throws {
        try expect(.recordMagic) { $0.records[0] = 0 }
        try expect(.recordSeal) { $0.records[50] ^= 1 }
        try expect(.recordReserved) { try $0.resealFirstRecord { $0[7] = 1 } }
        try expect(.recordKind) { try $0.resealFirstRecord { $0[5] = 9 } }
        try expect(.recordAttempt) { try $0.resealFirstRecord { $0.store(UInt32(0), at: 8) } }
        try expect(.recordRange) { try $0.resealFirstRecord { $0.store(UInt64.max, at: 24) } }
        try expect(.recordPayload) { try $0.resealFirstRecord { $0.store(UInt32.max, at: 40) } }
        try expect(.recordUnpacking) {
            try $0.resealFirstRecord {
                $0[6] = 2
                $0.store(UInt64(2048), at: 32)
            }
        }
        try expect(.recordOfExtent) { try $0.resealFirstRecord { $0.store(UInt64(0), at: 24) } }
        try expect(.recordOfExtent) { try $0.resealFirstRecord { $0.store(UInt16(1), at: 12) } }
        try expect(.recordOfExtent) { $0.index.store(UInt32(1023), at: 24) }
    }
}
