package import DeltaLog

/// Which log holds the bytes of each stretch of one disk at one point. What no extent covers is in the base beneath.
///
/// Invariants: extents are sorted by offset, do not overlap, are not empty, and end within the disk.
///
/// Memory: 40 bytes per extent (`ExtentIndex.bytesPerExtent`), whatever the size of the disk.
package struct ExtentIndex: Sendable {
    /// An extent of a log, and which log.
    package struct Entry: Sendable, Hashable {
        package var extent: DeltaLogExtent
        /// Position in the list of logs that the index was built from.
        package var log: UInt32
    }

    package static let bytesPerExtent = MemoryLayout<Entry>.stride

    package private(set) var entries: [Entry]

    /// - Parameter entries: sorted by offset, without overlaps.
    package init(entries: [Entry] = []) {
        self.entries = entries
    }

    /// Lays a newer index over this one: where both speak, the newer is right.
    package func overlaid(by newer: ExtentIndex) -> ExtentIndex {
        if entries.isEmpty { return newer }
        if newer.entries.isEmpty { return self }
        var result: [Entry] = []
        result.reserveCapacity(entries.count + newer.entries.count)
        var position = 0
        // Everything of the older index before this offset has been taken or is covered.
        var taken: UInt64 = 0
        for over in newer.entries {
            while position < entries.count, entries[position].extent.offset < over.extent.offset {
                let under = entries[position]
                let end = min(under.extent.end, over.extent.offset)
                let start = max(under.extent.offset, taken)
                if start < end { result.append(under.part(start..<end)) }
                taken = end
                if under.extent.end > over.extent.offset { break }
                position += 1
            }
            result.append(over)
            taken = over.extent.end
            while position < entries.count, entries[position].extent.end <= taken { position += 1 }
        }
        while position < entries.count {
            let under = entries[position]
            let start = max(under.extent.offset, taken)
            if start < under.extent.end { result.append(under.part(start..<under.extent.end)) }
            position += 1
        }
        return ExtentIndex(entries: result)
    }

    /// Drops what lies beyond the end of the disk, which an older and larger shape of it left behind.
    package func clipped(to sizeBytes: UInt64) -> ExtentIndex {
        guard let last = entries.last, last.extent.end > sizeBytes else { return self }
        var kept = Array(entries.prefix { $0.extent.offset < sizeBytes })
        if let last = kept.last, last.extent.end > sizeBytes {
            kept[kept.count - 1] = last.part(last.extent.offset..<sizeBytes)
        }
        return ExtentIndex(entries: kept)
    }

    /// What covers a range, from its start to its end.
    package func pieces(in range: Range<UInt64>) -> ExtentPieces {
        ExtentPieces(entries: entries, range: range, position: firstEntry(endingAfter: range.lowerBound))
    }

    package func checkInvariants() {
        for entry in entries { precondition(entry.extent.length > 0, "an extent is empty") }
        for (before, after) in zip(entries, entries.dropFirst()) {
            precondition(before.extent.end <= after.extent.offset, "extents overlap or are out of order")
        }
    }

    private func firstEntry(endingAfter offset: UInt64) -> Int {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].extent.end <= offset { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

extension ExtentIndex.Entry {
    fileprivate func part(_ bounds: Range<UInt64>) -> Self {
        Self(extent: extent.part(bounds), log: log)
    }
}
