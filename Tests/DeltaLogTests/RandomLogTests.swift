import Repeatable
import Sealing
import Testing

@testable import DeltaLog

/// Random logs against an array of what each sector should hold.
@Suite struct RandomLogTests {
    let fixture: LogFixture

    init() throws { fixture = try LogFixture() }

    private static let sectors = 2_048

    /// A few attempts over regions of their own, records in random order and sizes, some attempts not committed.
    @Test(arguments: 100..<112)
    func aLogHoldsWhatItsCommittedAttemptsSaid(seed: Int) throws {
        var random = SeededRandom(seed: UInt64(seed))
        var model = [[UInt8]?](repeating: nil, count: Self.sectors)
        let writer = try fixture.writer()
        var committed: [UInt32] = []
        for attempt in 1...UInt32(8) {
            let isCommitted = Bool.random(using: &random)
            let region = Int(attempt - 1) / 2 * (Self.sectors / 4)
            // Two attempts at each region, of which one at most may be committed.
            let counts = isCommitted && !(attempt % 2 == 0 && committed.contains(attempt - 1))
            let written = try write(attempt, region: region, to: writer, &random)
            guard counts else { continue }
            committed.append(attempt)
            for (sector, bytes) in written { model[sector] = bytes }
        }
        let summary = try writer.commit(attempts: committed.shuffled(using: &random))
        let reader = try fixture.reader()
        try reader.verify()
        #expect(summary.changedBytes == UInt64(model.count { $0 != nil } * 512))
        var found = [[UInt8]?](repeating: nil, count: Self.sectors)
        for extent in reader.extents {
            let first = Int(extent.offset / 512)
            for sector in first..<Int(extent.end / 512) {
                var bytes = [UInt8](repeating: 1, count: 512)
                try bytes.withUnsafeMutableBytes {
                    try reader.read(extent, from: UInt64(sector - first) * 512, into: $0)
                }
                found[sector] = bytes
            }
        }
        #expect(found == model)
    }

    private func write(
        _ attempt: UInt32, region: Int, to writer: DeltaLogWriter, _ random: inout SeededRandom
    ) throws -> [(sector: Int, bytes: [UInt8])] {
        var written: [(sector: Int, bytes: [UInt8])] = []
        let preferences = CompressionPreference.allCases
        let preference = preferences[Int.random(in: preferences.indices, using: &random)]
        var sealer = try RecordSealer(key: writer.cycleKey, attempt: attempt, preference: preference)
        var pieces: [Range<Int>] = []
        var sector = region + Int.random(in: 0..<8, using: &random)
        while sector < region + Self.sectors / 4 {
            let end = min(sector + Int.random(in: 1...64, using: &random), region + Self.sectors / 4)
            pieces.append(sector..<end)
            sector = end + Int.random(in: 0..<32, using: &random)
        }
        for piece in pieces.shuffled(using: &random) {
            let isZero = Int.random(in: 0..<4, using: &random) == 0
            let bytes =
                isZero
                ? [UInt8](repeating: 0, count: piece.count * 512)
                : DiskWrite.pattern(random.next(), count: piece.count * 512, textShare: 0.7)
            let offset = UInt64(piece.lowerBound) * 512
            let write =
                isZero
                ? DiskWrite.zero(disk: 0, offset: offset, length: UInt64(bytes.count))
                : .data(disk: 0, offset: offset, bytes: bytes)
            let record = try write.record(&sealer)
            try writer.append(record: record.span.bytes, attempt: attempt)
            for (index, sector) in piece.enumerated() {
                written.append((sector, Array(bytes[index * 512..<(index + 1) * 512])))
            }
        }
        #expect(try writer.finishAttempt(attempt).digest == sealer.digest())
        return written
    }
}
