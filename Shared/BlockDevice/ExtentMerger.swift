/// Collects extents in rising order and joins neighbours of one kind, up to a number of them.
struct ExtentMerger {
    private(set) var extents: [ChangedExtent] = []
    private let limit: Int

    init(limit: Int) {
        precondition(limit > 0)
        self.limit = limit
    }

    /// No extent can be added without going beyond the limit. Joining would still be possible, but is not promised.
    var isFull: Bool { extents.count >= limit }

    mutating func append(_ extent: ChangedExtent) {
        if let last = extents.last {
            precondition(extent.offset >= last.end, "extents rise")
            if last.end == extent.offset, last.kind == extent.kind {
                extents[extents.count - 1] = ChangedExtent(
                    offset: last.offset, length: last.length + extent.length, kind: last.kind)
                return
            }
        }
        precondition(!isFull, "a page is bounded")
        extents.append(extent)
    }
}
