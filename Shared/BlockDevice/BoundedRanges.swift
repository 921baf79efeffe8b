/// Ranges of one disk, at most so many: when there are more, neighbours grow together, the nearest first. So it covers
/// everything that was added, and perhaps a little more.
///
/// Always: ranges rise and neither overlap nor touch; every byte that was added is in one of them.
package struct BoundedRanges: Sendable, Equatable {
    package private(set) var ranges: [Range<UInt64>] = []
    private let maximum: Int
    /// Neighbours that are no further apart than this become one.
    private var gap: UInt64 = 0

    package init(maximum: Int) {
        precondition(maximum > 0, "something has to be kept")
        self.maximum = maximum
    }

    /// - Precondition: ranges are added in rising order.
    package mutating func add(_ range: Range<UInt64>) {
        guard !range.isEmpty else { return }
        precondition(range.lowerBound >= ranges.last?.upperBound ?? 0, "ranges are added in rising order")
        append(range)
        while ranges.count > maximum {
            gap = max(BlockDeviceLimits.rangeGapBytes, gap * 2)
            let all = ranges
            ranges = []
            for range in all { append(range) }
        }
    }

    private mutating func append(_ range: Range<UInt64>) {
        if let last = ranges.last, range.lowerBound - last.upperBound <= gap {
            ranges[ranges.count - 1] = last.lowerBound..<range.upperBound
        } else {
            ranges.append(range)
        }
    }
}
