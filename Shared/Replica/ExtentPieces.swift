internal import DeltaLog

/// A range of a disk, cut where another log, or the base, begins to hold it.
package struct ExtentPieces: Sequence, IteratorProtocol {
    package struct Piece: Sendable {
        package var range: Range<UInt64>
        /// nil stands for the base.
        package var entry: ExtentIndex.Entry?
    }

    private let entries: [ExtentIndex.Entry]
    private var rest: Range<UInt64>
    private var position: Int

    /// - Parameter position: of the first entry that ends after the range begins.
    init(entries: [ExtentIndex.Entry], range: Range<UInt64>, position: Int) {
        self.entries = entries
        rest = range
        self.position = position
    }

    package mutating func next() -> Piece? {
        guard !rest.isEmpty else { return nil }
        var piece = Piece(range: rest, entry: nil)
        if position < entries.count, entries[position].extent.offset < rest.upperBound {
            let extent = entries[position].extent
            if rest.lowerBound < extent.offset {
                piece.range = rest.lowerBound..<extent.offset
            } else {
                piece = Piece(range: rest.lowerBound..<Swift.min(extent.end, rest.upperBound), entry: entries[position])
                position += 1
            }
        }
        rest = piece.range.upperBound..<rest.upperBound
        return piece
    }
}
