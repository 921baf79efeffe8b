internal import DeltaLog
internal import Synchronization

/// Taking damaged logs out of the journal. Layout.md, "Set damaged logs aside", has the order and what a crash between two
/// steps leaves.
extension Replica {
    /// Moves a damaged log and every later one to `damaged/`, so that cycles can go on from the newest point before. The
    /// points they stood for are lost, unless the files are mended, moved back, and nothing was committed meanwhile.
    ///
    /// Where a fold was begun that needs one of them, the base can never become a point again, and no log makes one upon
    /// it: then all logs go, and the next cycle compares with what the base holds, or copies everything.
    /// - Parameter cycle: of the first damaged log, as a scrub found it; nil: the first that cannot even be listed.
    /// - Returns: the names of the files, oldest first.
    /// - Throws: `ReplicaError`: `inUse` while a view or a guest needs one of the logs, or a point is being settled on.
    package func setDamagedLogsAside(from cycle: UInt64? = nil) throws -> [String] {
        try cycleTurn.withLock { _ in
            try retentionTurn.withLock { _ in
                let (journal, manifest) = try state.withLock { state in
                    try state.requireReady()
                    return (state.journal, state.manifest)
                }
                let stuck = manifest.foldingCycle.flatMap { target in
                    journal.entry(of: target) == nil || (cycle ?? .max) <= target ? target : nil
                }
                guard let first = stuck.map({ _ in 0 }) ?? cycle ?? journal.faults.first?.cycle else { return [] }
                // A log that was merged away, and is still there, would take the place of the merged one.
                try removeLeftoversInTurn()
                let names = try moveAside(from: first)
                if stuck != nil { try giveUpFold() }
                return names
            }
        }
    }

    private func moveAside(from first: UInt64) throws -> [String] {
        let gate = try closedGate()
        let leases = try ViewLease.heldCycles(layout)
        let cycles = try state.withLock { state in
            if let running = state.manifest.runningCycle { throw ReplicaError.guestRuns(from: running) }
            if state.manifest.isAbsorbing { throw ReplicaError.absorbing }
            if let settling = state.settling { throw ReplicaError.settlingNeedsLogs(on: settling) }
            if let held = state.viewed(leases: leases).max(), held >= first { throw ReplicaError.viewsAreOpen(held) }
            // From here on no view of this process can be opened upon them, and the gate keeps other processes out.
            return state.journal.takeOut(from: first)
        }
        abandonOpenCycle()
        try publishing {
            try DurableFiles.makeDirectory(layout.damaged)
            // Newest first, so that a log never outlives the ones before it.
            for cycle in cycles.reversed() {
                try DurableFiles.rename(layout.log(of: cycle), to: "\(layout.damaged)/\(ReplicaLayout.logName(cycle))")
                try failpoints.reach(.logSetAside)
            }
            try DurableFiles.synchronizeDirectory(layout.damaged)
            try DurableFiles.synchronizeDirectory(layout.journal)
        }
        _ = consume gate
        return cycles.map(ReplicaLayout.logName)
    }

    /// The base holds parts of two points, and what would have made one of them is gone.
    private func giveUpFold() throws {
        // Of an earlier time, when the same point had diverged elsewhere.
        try DurableFiles.remove(layout.divergence)
        try DurableFiles.synchronizeDirectory(layout.directory)
        try changeManifest {
            guard case .folding(let before, _) = $0.base else { return }
            $0.base = before.map { .diverged($0) } ?? .empty
        } alongside: {
            $0.divergence = .anywhere(because: "A fold into them was begun and could not be finished.")
        }
    }
}

extension ReplicaError {
    fileprivate static func settlingNeedsLogs(on cycle: UInt64) -> ReplicaError {
        ReplicaError(
            .inUse, "point \(cycle) is being settled on, and the logs up to it are needed for that",
            remedy: "Restore the damaged logs from a copy, or unprotect the guest and protect it anew.",
            facts: ["settlingCycle": "\(cycle)"])
    }
}
