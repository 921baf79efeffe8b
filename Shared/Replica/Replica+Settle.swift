internal import Synchronization

/// Committing to one point: what came after it goes, and the base is brought to it. Layout.md, "Settle", has the order
/// and what a crash between two steps leaves.
extension Replica {
    /// Points after this one are being dropped, and the base brought to it; nil: nothing of the kind.
    package var settlingCycle: UInt64? { state.withLock { $0.manifest.settlingCycle } }

    /// Whether settling on a point has to wait for the end even of that point's views: the adopted images hold compressed
    /// clusters, and are written to.
    package func settlesWithoutViews(on cycle: UInt64) -> Bool { state.withLock { $0.writesCompressed(upTo: cycle) } }

    /// Drops every point after a cycle, and folds everything up to it into the base. An open cycle is aborted. It can
    /// be stopped anywhere; repeating it, or `maintain`, goes on.
    ///
    /// Views of exactly this point go on, unless it `settlesWithoutViews`. No cycle is taken until it is finished.
    /// - Parameter progress: as for `fold`; not told when there was nothing to do.
    /// - Throws: `ReplicaError`: `notFound` when the point is not listed; `inUse` when a view or a guest needs another
    ///   point, or another point was settled on and that is not finished; `spoilt`.
    package func settle(on cycle: UInt64, progress: (FoldProgress) throws -> Void = { _ in }) throws {
        // It was settled on before, and is the guest's by now.
        guard handedOverCycle != cycle else { return }
        // What was begun is finished, because no cycle is taken until it is, not even one that compares.
        if settlingCycle == nil { try requireUnspoilt(cycle) }
        guard try announceSettling(on: cycle) else { return }
        try retentionTurn.withLock { _ in try settleInTurn(on: cycle, progress: progress) }
    }

    /// The point that was being settled on by somebody who may not come again: no guest runs from it.
    package var unfinishedSettling: UInt64? {
        state.withLock { $0.manifest.runningCycle == nil ? $0.manifest.settlingCycle : nil }
    }

    /// Goes on with a settling that was begun; there may be none any more. Unlike `settle` it drops nothing that was
    /// not dropped before, so a cycle that came since somebody else finished it stays.
    /// - Throws: `ReplicaError`: as for `settle`.
    package func finishSettling(progress: (FoldProgress) throws -> Void = { _ in }) throws {
        try retentionTurn.withLock { _ in
            guard let cycle = settlingCycle else { return }
            try settleInTurn(on: cycle, progress: progress)
        }
    }

    private func settleInTurn(on cycle: UInt64, progress: (FoldProgress) throws -> Void) throws {
        try removeDropped()
        if case .folding(_, let target) = state.withLock({ $0.manifest.base }), target < cycle {
            // Begun before; another cannot be begun until it has ended.
            try foldInTurn(upTo: target) { _ in }
        }
        try foldInTurn(upTo: cycle, progress: progress)
        // Once more, because an earlier attempt may have been stopped between removing and flushing.
        try removeDropped()
        guard settlingCycle == cycle else { return }
        try changeManifest { $0.settlingCycle = nil }
    }

    /// From here on no later point can be opened, and none is listed.
    /// - Returns: false when the base holds the point and nothing follows it.
    private func announceSettling(on cycle: UInt64) throws -> Bool {
        // Both turns, so that no cycle is committed and no merge published meanwhile.
        try cycleTurn.withLock { _ in
            try retentionTurn.withLock { _ in
                let gate = try closedGate()
                let leases = try ViewLease.heldCycles(layout)
                let needsWriting = try state.withLock { state in
                    try state.requireReady()
                    if let settling = state.manifest.settlingCycle {
                        guard settling == cycle else { throw ReplicaError.settling(on: settling) }
                        return false
                    }
                    if state.manifest.isAbsorbing { throw ReplicaError.absorbing }
                    guard state.point(of: cycle) != nil else {
                        throw ReplicaError(
                            .notFound, "the replica does not hold this point",
                            remedy: "Choose one of the points it lists.", facts: ["cycle": "\(cycle)"])
                    }
                    try state.requireHeld(only: cycle, leases: leases)
                    // As the fold would, because from the mark on the point cannot be changed any more.
                    try state.requireNoViewsOfCompressed(upTo: cycle, leases: leases)
                    state.announcedSettling = cycle
                    return true
                }
                defer { state.withLock { $0.announcedSettling = nil } }
                abandonOpenCycle()
                guard needsWriting else { return true }
                let isDone = state.withLock { state in
                    state.manifest.listedBasePoint?.cycle == cycle && state.journal.newest == nil
                        && state.journal.faults.isEmpty
                }
                guard !isDone else { return false }
                try changeManifest {
                    $0.settlingCycle = cycle
                } alongside: {
                    $0.journal.dropAfter(cycle)
                }
                _ = consume gate
                try failpoints.reach(.settleAnnounced)
                return true
            }
        }
    }

    /// Removes what was dropped, and makes that durable before the mark that says so is taken away.
    private func removeDropped() throws {
        try removeLeftoversInTurn()
        try DurableFiles.synchronizeDirectory(layout.journal)
        try failpoints.reach(.settleLogsRemoved)
    }
}
