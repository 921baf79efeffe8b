package import DeltaLog
internal import Synchronization

/// Giving adopted images back to their guest, which is about to write to them. Layout.md, "Hand over", has the order
/// and what a crash between two steps leaves.
extension Replica {
    /// The point whose disks were handed over to the guest; nil: the base is still the replica's.
    package var handedOverCycle: UInt64? { state.withLock { $0.manifest.handedOverCycle } }

    /// Definition and NVRAM of the point that the base alone holds; nil: it holds none.
    package var baseGuest: GuestConfiguration? {
        state.withLock { state in
            guard case .settled(let base) = state.manifest.base else { return nil }
            return base.guest
        }
    }

    /// Writes down that the guest may write to the base images from now on: their point is no longer listed, and no
    /// cycle is taken. Before the guest's first instruction, because afterwards the point would be wrong. Safe to repeat.
    ///
    /// `release` ends the replica then. When the guest is off and will not run on them after all, `stopRunning` makes
    /// its disks a diverged base.
    /// - Throws: `ReplicaError`: `inUse` while a view is open, or the base is not the only point; `invalidArgument` when
    ///   the base is another point, or a disk's image is in the directory; `spoilt`.
    package func handOver(on cycle: UInt64) throws {
        try cycleTurn.withLock { _ in
            try retentionTurn.withLock { _ in
                guard handedOverCycle != cycle else { return }
                try requireUnspoilt(cycle)
                let manifest = try requireReleasable()
                guard case .settled(let base) = manifest.base, base.point.cycle == cycle else {
                    throw ReplicaError(
                        .invalidArgument, "the base does not hold the point that is to be handed over",
                        remedy: "Settle on the point first.",
                        facts: ["cycle": "\(cycle)", "base": "\(manifest.baseCycle)"])
                }
                try withoutViews {
                    abandonOpenCycle()
                    try changeManifest {
                        $0.base = .diverged(base)
                        $0.runningCycle = cycle
                    }
                }
                try failpoints.reach(.handedOver)
            }
        }
    }

    /// - Precondition: the caller has both turns.
    /// - Returns: the manifest, once the base is all there is, and every disk's image is an adopted one.
    func requireReleasable() throws -> ReplicaManifest {
        let manifest = try requireBaseAlone(mayRun: true)
        // Whether they are a point or diverged: either way they are the guest's.
        let disks = manifest.baseParent?.point.disks ?? []
        let own = disks.filter { disk in !manifest.adopted.contains { $0.target == disk.target } }
        guard own.isEmpty else {
            throw ReplicaError(
                .invalidArgument, "the replica holds disks that are nowhere else",
                remedy: "Give these disks a place of their own first, or delete the replica.",
                facts: ["disks": own.map(\.target).joined(separator: ", ")])
        }
        return manifest
    }
}
