/// The contents of a disk in memory. Only blocks that were written take room, and a copy is a snapshot.
package struct SparseBytes: Sendable {
    package static let blockBytes: UInt64 = 65_536

    private static let zeros = [UInt8](repeating: 0, count: Int(blockBytes))

    package private(set) var sizeBytes: UInt64
    private var blocks: [UInt64: [UInt8]] = [:]

    package init(sizeBytes: UInt64) {
        self.sizeBytes = sizeBytes
    }

    package init(_ bytes: [UInt8]) {
        self.init(sizeBytes: UInt64(bytes.count))
        write(bytes, at: 0)
    }

    /// Grows or cuts the disk.
    package mutating func resize(to newSize: UInt64) {
        if newSize < sizeBytes {
            discard(newSize..<sizeBytes)
        }
        sizeBytes = newSize
    }

    package mutating func write(_ bytes: [UInt8], at offset: UInt64) {
        precondition(offset + UInt64(bytes.count) <= sizeBytes, "a write stays inside the disk")
        var done = 0
        while done < bytes.count {
            let position = offset + UInt64(done)
            let (block, within) = position.quotientAndRemainder(dividingBy: Self.blockBytes)
            let count = min(bytes.count - done, Int(Self.blockBytes - within))
            var content = blocks.removeValue(forKey: block) ?? [UInt8](repeating: 0, count: Int(Self.blockBytes))
            content.replaceSubrange(Int(within)..<Int(within) + count, with: bytes[done..<done + count])
            blocks[block] = content
            done += count
        }
    }

    /// Makes `range` read as zeros; whole blocks are given back.
    package mutating func discard(_ range: Range<UInt64>) {
        var position = range.lowerBound
        while position < range.upperBound {
            let (block, within) = position.quotientAndRemainder(dividingBy: Self.blockBytes)
            let count = min(range.upperBound - position, Self.blockBytes - within)
            if count == Self.blockBytes {
                blocks[block] = nil
            } else if var content = blocks.removeValue(forKey: block) {
                for index in Int(within)..<Int(within + count) { content[index] = 0 }
                blocks[block] = content
            }
            position += count
        }
    }

    package func read(_ range: Range<UInt64>) -> [UInt8] {
        precondition(range.upperBound <= sizeBytes, "a read stays inside the disk")
        var result: [UInt8] = []
        result.reserveCapacity(Int(range.upperBound - range.lowerBound))
        var position = range.lowerBound
        while position < range.upperBound {
            let (block, within) = position.quotientAndRemainder(dividingBy: Self.blockBytes)
            let count = min(range.upperBound - position, Self.blockBytes - within)
            if let content = blocks[block] {
                result.append(contentsOf: content[Int(within)..<Int(within + count)])
            } else {
                result.append(contentsOf: Self.zeros[0..<Int(count)])
            }
            position += count
        }
        return result
    }

    package var contents: [UInt8] { read(0..<sizeBytes) }

    /// Whether the block that holds `offset` was written and not discarded since.
    package func isAllocated(_ offset: UInt64) -> Bool {
        blocks[offset / Self.blockBytes] != nil
    }
}
