internal import DeltaLog
internal import Sealing

/// One disk of a point, readable at any offset from any thread.
package struct DiskView: Sendable {
    /// What a stretch of the disk holds, as NBD's block status tells it.
    package enum Content: Sendable, Hashable {
        case data
        case zero
    }

    package let target: String
    package let sizeBytes: UInt64
    private let index: ExtentIndex
    private let readers: LogReaders
    private let base: (any BaseImage)?

    init(target: String, sizeBytes: UInt64, index: ExtentIndex, readers: LogReaders, base: (any BaseImage)?) {
        self.target = target
        self.sizeBytes = sizeBytes
        self.index = index
        self.readers = readers
        self.base = base
    }

    package var extentCount: Int { index.entries.count }

    /// Fills the buffer with what the disk holds from `offset` on.
    /// - Throws: `ReplicaError`: `invalidArgument` beyond the disk's end, `corruptData` when a seal does not hold.
    package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws {
        let range = try checked(offset, length: UInt64(buffer.count))
        for piece in index.pieces(in: range) {
            let start = Int(piece.range.lowerBound - offset)
            let part = UnsafeMutableRawBufferPointer(rebasing: buffer[start..<start + piece.range.count])
            if let entry = piece.entry {
                try readers.read(entry, from: piece.range.lowerBound - entry.extent.offset, into: part)
            } else if let base {
                try base.read(into: part, at: piece.range.lowerBound)
            } else {
                part.initializeMemory(as: UInt8.self, repeating: 0)
            }
        }
    }

    /// Runs through a range in order, telling what each stretch holds. Neighbours may hold the same.
    package func forEachStretch(
        in range: Range<UInt64>, _ body: (Range<UInt64>, Content) throws -> Void
    ) throws {
        let range = try checked(range.lowerBound, length: range.upperBound - range.lowerBound)
        for piece in index.pieces(in: range) {
            if let entry = piece.entry {
                try body(piece.range, entry.extent.isZero ? .zero : .data)
            } else if let base {
                try base.forEachStretch(in: piece.range) { try body($0, $1 ? .data : .zero) }
            } else {
                try body(piece.range, .zero)
            }
        }
    }

    private func checked(_ offset: UInt64, length: UInt64) throws -> Range<UInt64> {
        let (end, overflow) = offset.addingReportingOverflow(length)
        guard !overflow, end <= sizeBytes else {
            throw ReplicaError(
                .invalidArgument, "a range goes beyond the end of the disk", remedy: "Ask within the disk's size.",
                facts: [
                    "disk": target, "offset": "\(offset)", "length": "\(length)", "size": "\(sizeBytes)",
                ])
        }
        return offset..<end
    }
}
