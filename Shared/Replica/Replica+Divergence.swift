internal import DeltaLog
internal import Synchronization

/// Incremental cycles upon a diverged base: they bring what the base may hold besides its point, too.
extension Replica {
    /// - Returns: what a cycle must cover, by the position of its disks; nothing when its parent is a point.
    /// - Throws: `ReplicaError` with code `wrongParent` when only a comparison will do.
    func requiredCover(of opening: CycleOpening) throws -> [UInt16: [Range<UInt64>]] {
        let divergence = state.withLock { state -> Divergence? in
            if let spoilt = state.spoilt { return .anywhere(because: spoilt.reason) }
            guard case .diverged = state.manifest.base, state.journal.newest == nil else { return nil }
            return state.divergence
        }
        guard let divergence, opening.kind == .incremental else { return [:] }
        switch divergence {
        case .anywhere(let reason):
            throw ReplicaError.mustCompare(opening, because: reason)
        case .within(let written):
            var required: [UInt16: [Range<UInt64>]] = [:]
            for (position, disk) in opening.disks.enumerated() {
                let ranges = (written[disk.target] ?? []).map { $0.clamped(to: 0..<disk.sizeBytes) }
                required[UInt16(position)] = ranges.filter { !$0.isEmpty }
            }
            return required
        }
    }

    /// The pair of `requiredCover`: whoever sent the cycle may not have known of it.
    func requireCovered(_ open: OpenCycle, attempts: [UInt32]) throws {
        for (disk, ranges) in open.mustCover {
            for range in ranges {
                let missing = try ReplicaError.translating {
                    try open.writer.uncoveredRanges(ofDisk: disk, in: range, attempts: attempts)
                }
                guard let first = missing.first else { continue }
                try distrustDivergence(because: "The records of cycle \(open.cycle) left out a part of it.")
                throw ReplicaError(
                    .wrongParent, "the cycle leaves out what the disks may hold besides their point",
                    remedy: "Run a compare cycle.",
                    facts: [
                        "disk": open.opening.disks[Int(disk)].target, "offset": "\(first.lowerBound)",
                        "length": "\(first.upperBound - first.lowerBound)",
                    ])
            }
        }
    }

    /// From here on a comparison is asked for.
    private func distrustDivergence(because reason: String) throws {
        state.withLock { $0.divergence = .anywhere(because: reason) }
        try DurableFiles.remove(layout.divergence)
        try DurableFiles.synchronizeDirectory(layout.directory)
    }
}
