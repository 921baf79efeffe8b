import FoundationEssentials
import Sealing
import Testing

@testable import DeltaLog

@Suite struct DeltaLogWriterTests {
    let fixture: LogFixture

    init() throws { fixture = try LogFixture() }

    @Test(arguments: [CompressionPreference.none, .lz4, .zstd, .automatic])
    func whatIsWrittenIsRead(preference: CompressionPreference) throws {
        let first = DiskWrite.pattern(1, count: 256 << 10)
        let second = DiskWrite.pattern(2, count: 512, textShare: 0)
        let summary = try fixture.log(
            preference: preference,
            writes: [
                .data(disk: 0, offset: 1 << 20, bytes: first), .zero(disk: 1, offset: 0, length: 1 << 40),
                .data(disk: 0, offset: 0, bytes: second),
            ])
        #expect(summary.extents == 3 && summary.records == 3)
        #expect(summary.dataBytes == 512 + (256 << 10) && summary.zeroBytes == 1 << 40)
        #expect(summary.fileBytes == UInt64(try fixture.bytes().count))

        let reader = try fixture.reader()
        #expect(reader.header == fixture.header())
        #expect(reader.summary == summary)
        #expect(try reader.guest() == fixture.guest)
        #expect(reader.extents.map(\.offset) == [0, 1 << 20, 0])
        #expect(reader.extents.map(\.isZero) == [false, false, true])
        #expect(try reader.data(reader.extents[0]) == second)
        #expect(try reader.data(reader.extents[1]) == first)
        try reader.verify()
    }

    @Test func aLogWithoutRecordsIsComplete() throws {
        let writer = try fixture.writer()
        let summary = try writer.commit(attempts: [])
        #expect(summary.extents == 0)
        let reader = try fixture.reader()
        #expect(reader.extents.isEmpty)
        try reader.verify()
        #expect(summary.fileBytes == 8192)
    }

    @Test func aPartOfAnExtentIsRead() throws {
        let data = DiskWrite.pattern(3, count: 1 << 20)
        try fixture.log(writes: [.data(disk: 0, offset: 4096, bytes: data)])
        let reader = try fixture.reader()
        var part = [UInt8](repeating: 0, count: 1000)
        try part.withUnsafeMutableBytes { try reader.read(reader.extents[0], from: 12_345, into: $0) }
        #expect(part == Array(data[12_345..<13_345]))
        let cut = reader.extents[0].part(8192..<16_384)
        #expect(try reader.data(cut) == Array(data[4096..<12_288]))
    }

    @Test func abandonedAttemptsNeverSurface() throws {
        let writer = try fixture.writer()
        let kept = DiskWrite.pattern(4, count: 4096)
        for attempt in [UInt32(1), 2, 3] {
            var sealer = try RecordSealer(key: writer.cycleKey, attempt: attempt, preference: .none)
            let bytes = attempt == 2 ? kept : DiskWrite.pattern(UInt64(attempt), count: 4096)
            let record = try sealer.sealData(disk: 0, offset: 0, bytes: bytes.span.bytes)
            try writer.append(record: record.span.bytes, attempt: attempt)
        }
        try writer.abandonAttempt(1)
        try writer.abandonAttempt(99)
        _ = try writer.finishAttempt(2)
        _ = try writer.finishAttempt(3)
        #expect(try writer.commit(attempts: [2, 2]).extents == 1)
        let reader = try fixture.reader()
        #expect(try reader.data(reader.extents[0]) == kept)
    }

    @Test func bothEndsComputeTheSameDigest() throws {
        let writer = try fixture.writer()
        var sealer = try RecordSealer(key: writer.cycleKey, attempt: 1, preference: .lz4)
        var stored = 0
        for index in UInt64(0)..<20 {
            let bytes = DiskWrite.pattern(index, count: 8192)
            let record = try sealer.sealData(disk: 0, offset: index * 8192, bytes: bytes.span.bytes)
            stored += record.count
            try writer.append(record: record.span.bytes, attempt: 1)
        }
        let summary = try writer.finishAttempt(1)
        #expect(summary == AttemptSummary(records: 20, storedBytes: UInt64(stored), digest: sealer.digest()))
        #expect(try writer.finishAttempt(1) == summary)
        let nothing = try writer.finishAttempt(2)
        #expect(nothing.records == 0 && nothing.digest == SHA256Hasher.digest(of: [UInt8]().span.bytes))
        writer.abort()
    }

    @Test func attemptsMustBeFinishedAndKnownToBeCommitted() throws {
        let writer = try fixture.writer()
        expectCode(.attemptState) { try writer.commit(attempts: [5]) }
        expectCode(.closed) { try writer.commit(attempts: []) }
        writer.abort()
        #expect(!FileManager.default.fileExists(atPath: fixture.path("log")))
    }

    @Test func aClosedAttemptTakesNoMoreRecords() throws {
        let writer = try fixture.writer()
        var sealer = try RecordSealer(key: writer.cycleKey, attempt: 1, preference: .none)
        let record = try sealer.zero(disk: 0, offset: 0, length: 512)
        _ = try writer.finishAttempt(1)
        expectCode(.attemptState) {
            try writer.append(record: record.span.bytes, attempt: 1)
        }
        try writer.abandonAttempt(1)
        expectCode(.attemptState) { try writer.finishAttempt(1) }
        writer.abort()
    }

    @Test func overlappingCommittedAttemptsAreRefused() throws {
        let writer = try fixture.writer()
        for attempt in [UInt32(1), 2] {
            var sealer = try RecordSealer(key: writer.cycleKey, attempt: attempt, preference: .none)
            let record = try sealer.zero(disk: 0, offset: UInt64(attempt) * 512, length: 1024)
            try writer.append(record: record.span.bytes, attempt: attempt)
            _ = try writer.finishAttempt(attempt)
        }
        expectCode(.overlap) { try writer.commit(attempts: [1, 2]) }
        writer.abort()
        #expect(!FileManager.default.fileExists(atPath: fixture.path("log")))
    }

    @Test func anExistingFileIsNotOverwritten() throws {
        try fixture.replace(with: [1, 2, 3])
        expectCode(.inputOutput) { try fixture.writer() }
        #expect(try fixture.bytes() == [1, 2, 3])
    }

    @Test func aForgottenWriterLeavesNothing() throws {
        _ = try fixture.writer()
        #expect(!FileManager.default.fileExists(atPath: fixture.path("log")))
    }

    @Test func abortAfterCommitKeepsTheFile() throws {
        let writer = try fixture.writer()
        _ = try writer.commit(attempts: [])
        writer.abort()
        try fixture.reader().verify()
    }
}
