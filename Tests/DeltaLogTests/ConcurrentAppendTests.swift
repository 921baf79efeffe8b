import Sealing
import Testing

@testable import DeltaLog

@Suite struct ConcurrentAppendTests {
    let fixture: LogFixture

    init() throws { fixture = try LogFixture() }

    /// Six attempts from six threads, each over its own region, two of them abandoned: one midway, one at the end.
    @Test func attemptsOfSeveralThreadsInterleave() throws {
        let writer = try fixture.writer()
        let regionBytes: UInt64 = 8 << 20
        let pieceBytes = 96 << 10
        let pieces = 40
        let threads = try (UInt32(1)...6).map { attempt in
            try TestThread {
                var sealer = try RecordSealer(key: writer.cycleKey, attempt: attempt, preference: .automatic)
                for piece in 0..<pieces {
                    let offset = UInt64(attempt) * regionBytes + UInt64(piece * pieceBytes)
                    let bytes = DiskWrite.pattern(offset, count: pieceBytes)
                    let record = try sealer.sealData(disk: 0, offset: offset, bytes: bytes.span.bytes)
                    try writer.append(record: record.span.bytes, attempt: attempt)
                    if attempt == 3 && piece == 10 { return try writer.abandonAttempt(attempt) }
                }
                let summary = try writer.finishAttempt(attempt)
                guard summary.digest == sealer.digest() else {
                    throw TestThread.Mismatch("attempt \(attempt) has another digest than its sealer")
                }
                if attempt == 4 { try writer.abandonAttempt(attempt) }
            }
        }
        for thread in threads { try thread.end() }
        let summary = try writer.commit(attempts: [1, 2, 5, 6])
        #expect(summary.extents == UInt64(4 * pieces))
        let reader = try fixture.reader()
        try reader.verify()
        #expect(Set(reader.extents.map { $0.offset / regionBytes }) == [1, 2, 5, 6])
        for extent in reader.extents {
            #expect(try reader.data(extent) == DiskWrite.pattern(extent.offset, count: pieceBytes))
        }
    }

    @Test func severalThreadsReadOneLog() throws {
        let pieceBytes = 64 << 10
        try fixture.log(
            writes: (0..<32).map {
                .data(
                    disk: 0, offset: UInt64($0 * pieceBytes),
                    bytes: DiskWrite.pattern(UInt64($0), count: pieceBytes))
            })
        let reader = try fixture.reader()
        let threads = try (0..<6).map { thread in
            try TestThread {
                for turn in 0..<64 {
                    let index = (turn * 7 + thread * 5) % 32
                    guard try reader.data(reader.extents[index]) == DiskWrite.pattern(UInt64(index), count: pieceBytes)
                    else { throw TestThread.Mismatch("extent \(index) holds other bytes in turn \(turn)") }
                }
            }
        }
        for thread in threads { try thread.end() }
    }
}
