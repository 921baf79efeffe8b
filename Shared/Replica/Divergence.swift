/// Where diverged disks may hold something else than their point.
package enum Divergence: Sendable, Hashable {
    /// Only there, by disk, rising: a cycle that brings all of it, and what changed at the other side, makes a point.
    case within([String: [Range<UInt64>]])
    /// It is not known, and why, in one sentence: the first cycle compares.
    case anywhere(because: String)

    func checkInvariants() throws {
        switch self {
        case .anywhere(let reason):
            guard reason.utf8.count <= ReplicaLimits.divergenceReasonBytes else {
                throw Self.invalid("its reason is too long")
            }
        case .within(let disks):
            for (target, ranges) in disks {
                guard ranges.count <= ReplicaLimits.divergedRangesPerDisk else {
                    throw Self.invalid("disk \(target) has \(ranges.count) ranges")
                }
                var end: UInt64 = 0
                for range in ranges {
                    guard !range.isEmpty, range.lowerBound >= end else {
                        throw Self.invalid("ranges of disk \(target) overlap, are empty, or do not rise")
                    }
                    end = range.upperBound
                }
            }
        }
    }

    private static func invalid(_ what: String) -> ReplicaError {
        ReplicaError(
            .invalidArgument, "what is known of diverged disks does not hold together: \(what)",
            remedy: "Adopt the disks without it; the first cycle then compares.")
    }
}
