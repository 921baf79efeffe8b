import Repeatable
import Testing

@testable import DeltaLog
@testable import Replica

@Suite struct ExtentIndexTests {
    /// Which log holds each sector; nil: none.
    typealias Model = [UInt32?]

    static let sectors = 400

    /// Random extents of one log, and the same as a model.
    private func random(log: UInt32, using random: inout SeededRandom) -> ExtentIndex {
        var entries: [ExtentIndex.Entry] = []
        var sector = Int.random(in: 0..<60, using: &random)
        while sector < Self.sectors {
            let length = min(Int.random(in: 1...30, using: &random), Self.sectors - sector)
            let extent = DeltaLogExtent(
                disk: 0, offset: UInt64(sector) * 512, lengthSectors: UInt32(length), skipSectors: 0,
                position: UInt64(sector), payloadBytes: 512, keySlot: 0)
            entries.append(ExtentIndex.Entry(extent: extent, log: log))
            sector += length + Int.random(in: 0..<80, using: &random)
        }
        return ExtentIndex(entries: entries)
    }

    private func lay(_ index: ExtentIndex, over model: inout Model) {
        for entry in index.entries {
            for sector in Int(entry.extent.offset / 512)..<Int(entry.extent.end / 512) { model[sector] = entry.log }
        }
    }

    private func model(of index: ExtentIndex) -> Model {
        var model = Model(repeating: nil, count: Self.sectors)
        lay(index, over: &model)
        return model
    }

    @Test(arguments: 0..<40 as Range<UInt64>)
    func overlaysAgreeWithAModelOfSectors(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var builder = ExtentIndexBuilder()
        var expected = Model(repeating: nil, count: Self.sectors)
        for log in 0..<UInt32.random(in: 1...40, using: &random) {
            let index = self.random(log: log, using: &random)
            builder.add(index)
            lay(index, over: &expected)
        }
        let built = builder.build()
        built.checkInvariants()
        #expect(model(of: built) == expected)
        for entry in built.entries {
            // A part knows how far into its record it begins.
            #expect(entry.extent.skip == entry.extent.offset - entry.extent.position * 512)
        }
    }

    @Test func aLookupFindsPiecesAndGapsInOrder() {
        var random = SeededRandom(seed: 7)
        let index = self.random(log: 3, using: &random)
        let expected = model(of: index)
        for start in stride(from: 0, to: Self.sectors, by: 7) {
            for end in stride(from: start + 1, through: Self.sectors, by: 13) {
                var found: Model = []
                var offset = UInt64(start) * 512
                for piece in index.pieces(in: offset..<UInt64(end) * 512) {
                    #expect(piece.range.lowerBound == offset)
                    offset = piece.range.upperBound
                    found += Model(repeating: piece.entry?.log, count: piece.range.count / 512)
                }
                #expect(found == Array(expected[start..<end]))
            }
        }
    }

    @Test func whatLiesBeyondTheDiskIsClipped() {
        var random = SeededRandom(seed: 9)
        let index = self.random(log: 1, using: &random)
        for sectors in stride(from: 0, through: Self.sectors, by: 11) {
            let clipped = index.clipped(to: UInt64(sectors) * 512)
            clipped.checkInvariants()
            let expected = model(of: index).enumerated().map { $0.offset < sectors ? $0.element : nil }
            #expect(model(of: clipped) == expected)
        }
    }

    @Test func anExtentTakesFortyBytes() {
        #expect(ExtentIndex.bytesPerExtent == 40)
    }
}
