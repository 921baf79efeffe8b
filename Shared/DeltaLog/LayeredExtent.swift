/// An extent and which of several logs, oldest first, it comes from.
struct LayeredExtent: Equatable {
    var extent: DeltaLogExtent
    var log: UInt16

    /// Whether everything of this extent lies before everything of `other`.
    func precedes(_ other: LayeredExtent) -> Bool {
        extent.disk < other.extent.disk || (extent.disk == other.extent.disk && extent.end <= other.extent.offset)
    }

    func part(_ bounds: Range<UInt64>) -> LayeredExtent {
        LayeredExtent(extent: extent.part(bounds), log: log)
    }

    /// Lays `newer` over `older`: what `newer` covers of `older` is cut away, the rest of it stays.
    ///
    /// Both are sorted and without overlaps within themselves, and so is the result.
    static func overlay(_ newer: [LayeredExtent], on older: [LayeredExtent]) -> [LayeredExtent] {
        if newer.isEmpty { return older }
        var result: [LayeredExtent] = []
        result.reserveCapacity(newer.count + older.count)
        var next = 0
        for old in older {
            while next < newer.count, newer[next].precedes(old) {
                result.append(newer[next])
                next += 1
            }
            // Up to here `old` has been copied or is covered.
            var settled = old.extent.offset
            while next < newer.count, !old.precedes(newer[next]), settled < old.extent.end {
                let cover = newer[next].extent
                if cover.offset > settled { result.append(old.part(settled..<cover.offset)) }
                settled = min(cover.end, old.extent.end)
                // A cover that goes on beyond `old` may cover what follows too, and is copied then.
                if cover.end <= old.extent.end {
                    result.append(newer[next])
                    next += 1
                }
            }
            if settled < old.extent.end { result.append(old.part(settled..<old.extent.end)) }
        }
        result.append(contentsOf: newer[next...])
        return result
    }
}
