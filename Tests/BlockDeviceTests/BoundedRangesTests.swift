import Testing

@testable import BlockDevice

@Suite struct BoundedRangesTests {
    @Test func neighboursThatTouchBecomeOne() {
        var ranges = BoundedRanges(maximum: 8)
        for range in [0..<512, 512..<1_024, 2_048..<2_560] as [Range<UInt64>] { ranges.add(range) }
        #expect(ranges.ranges == [0..<1_024, 2_048..<2_560])
    }

    @Test func anyNumberFitsAndNothingIsLeftOut() {
        var generator = SystemRandomNumberGenerator()
        for maximum in [1, 2, 7, 512] {
            var ranges = BoundedRanges(maximum: maximum)
            var added: [Range<UInt64>] = []
            var position: UInt64 = 0
            for _ in 0..<2_000 {
                let start = position + UInt64.random(in: 0...1 << 24, using: &generator)
                position = start + UInt64.random(in: 1...1 << 20, using: &generator)
                added.append(start..<position)
                ranges.add(start..<position)
            }
            #expect(ranges.ranges.count <= maximum)
            for range in added { #expect(ranges.ranges.contains { $0.clamped(to: range) == range }) }
            for (left, right) in zip(ranges.ranges, ranges.ranges.dropFirst()) {
                #expect(left.upperBound < right.lowerBound)
            }
            #expect(ranges.ranges.last?.upperBound == position)
        }
    }
}
