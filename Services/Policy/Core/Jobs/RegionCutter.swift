/// Cuts a capture's regions into job pieces of about equal changed bytes.
///
/// Always: pieces of one disk are in order, do not overlap, lie within the disk, cover every region with changed bytes,
/// and where `coversEverything` the whole disk. A piece may hold regions without changed bytes between others, because
/// a worker steps over them with one question, while a further job costs it a connection on each side.
struct RegionCutter: Sendable {
    /// Changed bytes that one piece aims at.
    let targetBytes: UInt64
    /// Also regions without changed bytes: where the target may hold what the source no longer has.
    let coversEverything: Bool

    /// - Parameter slots: how many jobs all known workers can run at once.
    init(capture: Capture, coversEverything: Bool, slots: Int) {
        self.coversEverything = coversEverything
        let total = capture.changedBytes
        // Twice as many pieces as slots, because pieces of equal size still take unequal time.
        let even = total / UInt64(max(1, 2 * slots))
        let fine = min(PolicyLimits.jobBytesTarget, max(PolicyLimits.jobBytesMinimum, even))
        // Two neighbours together exceed the target, so this keeps them below the limit with half of it to spare for
        // the ends of disks and the rounding of split regions.
        let coarsest = total / UInt64(PolicyLimits.jobsPerCycleMaximum / 4)
        targetBytes = max(fine, coarsest)
    }

    func pieces(of capture: Capture) -> [JobPiece] {
        var pieces: [JobPiece] = []
        for (index, disk) in capture.disks.enumerated() { pieces += self.pieces(of: disk, index: index) }
        return pieces
    }

    private func pieces(of disk: Capture.Disk, index: Int) -> [JobPiece] {
        var pieces: [JobPiece] = []
        var open: JobPiece?
        for (region, changed) in disk.changed.enumerated() where changed > 0 || coversEverything {
            let offset = UInt64(region) * disk.regionBytes
            let length = min(disk.regionBytes, disk.description.sizeBytes - offset)
            let whole = JobPiece(
                diskIndex: index, diskTarget: disk.description.target, nbdURI: disk.nbdURI,
                bitmapContext: disk.bitmapContext, offset: offset, length: length, changedBytes: changed)
            if changed > targetBytes {
                if let piece = open { pieces.append(piece) }
                open = nil
                pieces += split(whole)
            } else if var piece = open, piece.changedBytes + changed <= targetBytes {
                piece.length = offset + length - piece.offset
                piece.changedBytes += changed
                open = piece
            } else {
                if let piece = open { pieces.append(piece) }
                open = whole
            }
        }
        if let piece = open { pieces.append(piece) }
        return pieces
    }

    /// A region that holds more than one piece's share is cut by length, as if its changes were spread evenly.
    private func split(_ whole: JobPiece) -> [JobPiece] {
        let count = (whole.changedBytes - 1) / targetBytes + 1
        let alignment = PolicyLimits.jobAlignmentBytes
        let even = (whole.length - 1) / count + 1
        let step = (even + alignment - 1) / alignment * alignment
        var pieces: [JobPiece] = []
        for at in stride(from: 0, to: whole.length, by: Int(step)) {
            var piece = whole
            piece.offset += at
            piece.length = min(step, whole.length - at)
            let share = Double(whole.changedBytes) * Double(piece.length) / Double(whole.length)
            piece.changedBytes = min(UInt64(share), piece.length)
            pieces.append(piece)
        }
        return pieces
    }
}
