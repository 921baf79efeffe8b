import Sealing
import Testing

@testable import DeltaLog

/// What a writer does with records that are not as they must be: refuse them, and go on.
@Suite struct RecordRefusalTests {
    let fixture: LogFixture
    let writer: DeltaLogWriter
    let record: [UInt8]

    init() throws {
        fixture = try LogFixture()
        writer = try fixture.writer()
        var sealer = try RecordSealer(key: writer.cycleKey, attempt: 1, preference: .none)
        record = try sealer.sealData(
            disk: 0, offset: 0, bytes: DiskWrite.pattern(1, count: 512).span.bytes)
    }

    private func expectRefusal(
        _ bytes: [UInt8], _ condition: FormatCondition, attempt: UInt32 = 1,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        expectCode(.recordRefused, condition: condition, sourceLocation: sourceLocation) {
            try writer.append(record: bytes.span.bytes, attempt: attempt)
        }
    }

    private func altered(_ edit: (inout [UInt8]) -> Void) -> [UInt8] {
        var bytes = record
        edit(&bytes)
        return bytes
    }

    @Test func eachConditionIsNamed() throws {
        try expectRefusal([], .recordSize)
        try expectRefusal(Array(record[..<47]), .recordSize)
        try expectRefusal(Array(record.dropLast()), .recordSize)
        try expectRefusal(record + [0], .recordSize)
        try expectRefusal(altered { $0[0] = 0 }, .recordMagic)
        try expectRefusal(altered { $0[4] = 2 }, .recordMagic)
        for reserved in [7, 14, 15, 44, 47] { try expectRefusal(altered { $0[reserved] = 1 }, .recordReserved) }
        for kind: UInt8 in [0, 3, 255] { try expectRefusal(altered { $0[5] = kind }, .recordKind) }
        try expectRefusal(altered { $0[6] = 3 }, .recordKind)
        try expectRefusal(altered { $0.store(UInt32(0), at: 8) }, .recordAttempt)
        try expectRefusal(record, .recordAttempt, attempt: 2)
        try expectRefusal(altered { $0.store(UInt16(2), at: 12) }, .recordRange)
        try expectRefusal(altered { $0.store(UInt64(1), at: 16) }, .recordSequence)
        let offsets: [UInt64] = [1, 64 << 20, .max, .max - 511, 1 << 63]
        for offset in offsets {
            try expectRefusal(altered { $0.store(offset, at: 24) }, .recordRange)
        }
        let lengths: [UInt64] = [0, 513, (1 << 20) + 512, .max - 511]
        for length in lengths {
            try expectRefusal(altered { $0.store(length, at: 32) }, .recordRange)
        }
        try expectRefusal(altered { $0.store(UInt64(1024), at: 32) }, .recordPayload)
        try expectRefusal(altered { $0[6] = 1 }, .recordPayload)
        try expectRefusal(altered { $0.store(UInt32.max, at: 40) }, .recordPayload)
        try expectRefusal(altered { $0[5] = 2 }, .recordPayload)
        try expectRefusal(altered { $0[48] ^= 1 }, .recordSeal)
        try expectRefusal(altered { $0[record.count - 1] ^= 1 }, .recordSeal)
        try expectRefusal(altered { $0.store(UInt64(512), at: 24) }, .recordSeal)
        // None of these counted: the right one is still the first.
        try writer.append(record: record.span.bytes, attempt: 1)
        try expectRefusal(record, .recordSequence)
        #expect(try writer.finishAttempt(1).records == 1)
        #expect(try writer.commit(attempts: [1]).extents == 1)
    }

    @Test func aZeroRecordIsAuthenticatedToo() throws {
        var sealer = try RecordSealer(key: writer.cycleKey, attempt: 1, preference: .none)
        var zero = try sealer.zero(disk: 1, offset: 0, length: 1 << 30)
        zero.store(UInt64(1 << 31), at: 32)
        try expectRefusal(zero, .recordSeal)
    }

    @Test func anotherOpeningsKeyIsRefused() throws {
        let other = try fixture.writer("other")
        var sealer = try RecordSealer(key: other.cycleKey, attempt: 1, preference: .none)
        try expectRefusal(try sealer.zero(disk: 0, offset: 0, length: 512), .recordSeal)
    }

    @Test func aSealerRefusesRangesThatNoRecordCanHave() throws {
        var sealer = try RecordSealer(key: writer.cycleKey, attempt: 1, preference: .automatic)
        let sector = [UInt8](repeating: 1, count: 512)
        let large = [UInt8](repeating: 1, count: (1 << 20) + 512)
        expectCode(.recordRefused) { try sealer.sealData(disk: 0, offset: 1, bytes: sector.span.bytes) }
        expectCode(.recordRefused) { try sealer.sealData(disk: 0, offset: 0, bytes: large.span.bytes) }
        expectCode(.recordRefused) { try sealer.sealData(disk: 0, offset: 0, bytes: [UInt8]().span.bytes) }
        expectCode(.recordRefused) { try sealer.zero(disk: 0, offset: 0, length: (1 << 40) + 512) }
        expectCode(.recordRefused) { try sealer.zero(disk: 0, offset: 0, length: 0) }
        #expect(sealer.sequence == 0)
        expectCode(.recordRefused) {
            _ = try RecordSealer(key: writer.cycleKey, attempt: 0, preference: .none)
        }
    }
}
