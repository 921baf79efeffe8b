/// What a target's disk may hold besides the parent point: it has to be brought whether the source changed it or not.
struct DivergedRange: Hashable, Sendable {
    /// Position of the disk in the capture.
    var disk: Int
    var range: Range<UInt64>
}

extension Capture {
    /// The same capture, its regions counting what the target needs besides. Checks the peer's ranges first.
    func bringing(_ diverged: [DivergedRange]) throws -> Capture {
        guard diverged.count <= PolicyLimits.divergedRangesMaximum else {
            throw Self.nonsense("it needs \(diverged.count) ranges besides what changed")
        }
        var result = self
        var previous: DivergedRange?
        for next in diverged {
            guard disks.indices.contains(next.disk), !next.range.isEmpty,
                next.range.upperBound <= disks[next.disk].description.sizeBytes
            else { throw Self.nonsense("it needs a range that no disk has") }
            if let previous {
                guard (previous.disk, previous.range.upperBound) <= (next.disk, next.range.lowerBound) else {
                    throw Self.nonsense("the ranges that it needs do not rise")
                }
            }
            previous = next
            result.disks[next.disk].count(next.range)
        }
        return result
    }

    private static func nonsense(_ what: String) -> PolicyError {
        PolicyError(
            .internal, "The target agent's answer makes no sense: \(what).",
            remedy: "Compare the versions of the policy service and of the agent.")
    }
}

extension Capture.Disk {
    /// - Precondition: the range lies within the disk.
    fileprivate mutating func count(_ range: Range<UInt64>) {
        let first = Int(range.lowerBound / regionBytes)
        let last = Int((range.upperBound - 1) / regionBytes)
        for region in first...last {
            let start = UInt64(region) * regionBytes
            let part = range.clamped(to: start..<start + regionBytes)
            // What changed there, too, is counted twice at most: it is an estimate.
            changed[region] = min(regionBytes, changed[region] + (part.upperBound - part.lowerBound))
        }
    }
}

extension JobPiece {
    /// The same piece with the ranges that lie in it.
    func bringing(_ diverged: [DivergedRange]) -> JobPiece {
        var piece = self
        piece.diverged = diverged.filter { $0.disk == diskIndex }
            .map { $0.range.clamped(to: offset..<offset + length) }
            .filter { !$0.isEmpty }
        return piece
    }
}
