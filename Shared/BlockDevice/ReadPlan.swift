/// Cuts ranges into chunks, in order. Chunks end at multiples of the chunk size, so that extents that are read again
/// later fall into the same chunks.
struct ReadPlan: Sequence, IteratorProtocol {
    private var ranges: ArraySlice<Range<UInt64>>
    private var position: UInt64
    private let chunkBytes: UInt64

    /// - Precondition: every range has a length, they rise and stay below `sizeBytes`.
    init(_ ranges: [Range<UInt64>], chunkBytes: Int, sizeBytes: UInt64) {
        var end: UInt64 = 0
        for range in ranges {
            precondition(!range.isEmpty && range.lowerBound >= end && range.upperBound <= sizeBytes)
            end = range.upperBound
        }
        self.ranges = ranges[...]
        self.chunkBytes = UInt64(chunkBytes)
        position = ranges.first?.lowerBound ?? 0
    }

    mutating func next() -> Range<UInt64>? {
        guard let range = ranges.first else { return nil }
        let end = Swift.min(range.upperBound, (position / chunkBytes + 1) * chunkBytes)
        let chunk = position..<end
        if end == range.upperBound {
            ranges = ranges.dropFirst()
            position = ranges.first?.lowerBound ?? 0
        } else {
            position = end
        }
        return chunk
    }
}
