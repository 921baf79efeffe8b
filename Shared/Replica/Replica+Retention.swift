internal import DeltaLog
internal import Sealing
internal import Synchronization

/// Keeping the points that a policy wants, and no others. Runs beside cycles, one step at a time.
extension Replica {
    /// Does what retention asks for, step by step. Steps that live views hinder are left for a later call.
    /// - Parameters:
    ///   - nowUnixMilliseconds: this host's clock.
    ///   - shouldContinue: asked before every step.
    /// - Returns: the steps that were done.
    package func maintain(
        _ retention: Retention, nowUnixMilliseconds: Int64, shouldContinue: () -> Bool = { true }
    ) throws -> [RetentionStep] {
        try removeLeftovers()
        let done = try carryOut(retention, nowUnixMilliseconds: nowUnixMilliseconds, shouldContinue: shouldContinue)
        if !done.isEmpty { try forgetMarksOfGonePoints() }
        return done
    }

    private func carryOut(
        _ retention: Retention, nowUnixMilliseconds: Int64, shouldContinue: () -> Bool
    ) throws -> [RetentionStep] {
        var done: [RetentionStep] = []
        while shouldContinue(), let step = try nextStep(retention, nowUnixMilliseconds: nowUnixMilliseconds) {
            do {
                try perform(step)
                done.append(step)
            } catch let error as ReplicaError where error.code == .inUse {
                // A view was opened since the step was chosen. It ends some time, and retention is asked again.
                return done
            } catch let error as ReplicaError where error.code == .limitExceeded {
                // The points stay, and the journal remembers not to try the same again.
                continue
            }
        }
        return done
    }

    /// What retention asks for next; nil when nothing. A fold that was interrupted comes first.
    package func nextStep(_ retention: Retention, nowUnixMilliseconds: Int64) throws -> RetentionStep? {
        let pinned = try heldCycles().max()
        let (manifest, points) = try state.withLock { state in
            try state.requireReady()
            return (state.manifest, state.candidates)
        }
        switch manifest.base {
        case .folding(_, let target):
            return .fold(upTo: target)
        case .settled(let held) where held.point.cycle == manifest.settlingCycle ?? 0:
            return .fold(upTo: held.point.cycle)
        case .absorbing: return nil
        case .empty, .settled, .diverged:
            if let settling = manifest.settlingCycle { return .fold(upTo: settling) }
            return RetentionPlanner(retention: retention)
                .nextStep(points: points, pinned: pinned, nowUnixMilliseconds: nowUnixMilliseconds)
        }
    }

    /// - Throws: `ReplicaError` with code `inUse` when a view hinders it; nothing was changed then.
    package func perform(_ step: RetentionStep) throws {
        switch step {
        case .fold(let cycle) where settlingCycle == cycle: try finishSettling()
        case .fold(let cycle): try fold(upTo: cycle)
        case .merge(let cycles): try merge(cycles)
        }
    }

    /// Makes several logs one. Only the last of their points stays.
    package func merge(_ cycles: [UInt64]) throws {
        try retentionTurn.withLock { _ in
            let journal = try state.withLock { state in
                try state.requireReady()
                return state.journal
            }
            guard let first = cycles.first, let last = cycles.last, first < last,
                let upTo = journal.entries(upTo: last), upTo.suffix(cycles.count).map(\.cycle) == cycles
            else {
                throw ReplicaError(
                    .invalidArgument, "these are not consecutive cycles of the journal",
                    remedy: "Name cycles that follow each other.", facts: ["cycles": "\(cycles)"])
            }
            let inputs = upTo.suffix(cycles.count)
            try requireSpace(inputs.reduce(0) { $0 + $1.point.storedBytes })
            let draft = layout.mergeDraft(of: last)
            try DurableFiles.remove(draft)
            let merged = try write(cycles, into: draft)
            try failpoints.reach(.mergeWritten)
            do {
                try publishMerge(of: cycles, as: merged, draft: draft)
            } catch let error as ReplicaError where error.code == .inUse {
                try DurableFiles.remove(draft)
                throw error
            }
            try removeLeftoversInTurn()
        }
    }

    private func write(_ cycles: [UInt64], into draft: String) throws -> JournalEntry {
        do {
            _ = try DeltaLogMerger.merge(logs: cycles.map(layout.log(of:)), into: draft, replicaKey: replicaKey)
            return try JournalEntry(DeltaLogReader(path: draft, replicaKey: replicaKey, index: .unread))
        } catch let error as DeltaLogError {
            if error.code == .limitExceeded, let last = cycles.last {
                state.withLock { $0.journal.separate(last) }
            }
            throw ReplicaError(error)
        }
    }

    private func publishMerge(of cycles: [UInt64], as merged: JournalEntry, draft: String) throws {
        let gate = try closedGate()
        let leases = try ViewLease.heldCycles(layout)
        try state.withLock { state in
            // Checked and published under the lock that new views are pinned under.
            try state.requireReady()
            if let running = state.manifest.runningCycle, running >= cycles[0] {
                throw ReplicaError.guestRuns(from: running)
            }
            if let held = state.viewed(leases: leases).max(), held >= cycles[0] {
                throw ReplicaError.viewsAreOpen(held)
            }
            try DurableFiles.rename(draft, to: layout.log(of: merged.cycle))
            state.journal.replace(cycles, with: merged)
        }
        _ = consume gate
        try publishing {
            try failpoints.reach(.mergeRenamed)
            try DurableFiles.synchronizeDirectory(layout.journal)
            try failpoints.reach(.mergeSynced)
        }
    }

    // MARK: What views hold

    /// The cycles that views of this or another process, or a guest that runs, need. While it cannot be known,
    /// everything is held.
    private func heldCycles() throws -> Set<UInt64> {
        let own = state.withLock { $0.heldCycles }
        return own.union(try viewedCycles())
    }

    /// The cycles of views alone, of this or another process.
    private func viewedCycles() throws -> Set<UInt64> {
        guard let gate = try FileLock.attempt(.exclusive, path: layout.gate) else { return [.max] }
        let leases = try ViewLease.heldCycles(layout)
        _ = consume gate
        return state.withLock { $0.viewed(leases: leases) }
    }

    /// While it lives no view of another process can be opened.
    func closedGate() throws -> FileLock {
        guard let gate = try FileLock.attempt(.exclusive, path: layout.gate) else {
            throw ReplicaError.viewsAreOpen(.max)
        }
        return gate
    }

    /// Does something while nobody reads from the replica: no view is open, and none is opened meanwhile.
    /// - Throws: `ReplicaError` with code `inUse` when one is open, here or in another process; nothing was done then.
    func withoutViews(_ body: () throws -> Void) throws {
        let gate = try closedGate()
        let leases = try ViewLease.heldCycles(layout)
        try state.withLock { state in
            if let held = state.viewed(leases: leases).max() { throw ReplicaError.viewsAreOpen(held) }
            // The gate keeps other processes out, and this keeps out our own.
            state.announcedFold = .max
        }
        defer { state.withLock { $0.announcedFold = nil } }
        try body()
        _ = consume gate
    }

    // MARK: Leftovers

    /// Removes logs that the journal does not need any more, as far as no view may still read them.
    func removeLeftovers() throws {
        try retentionTurn.withLock { _ in try removeLeftoversInTurn() }
    }

    func removeLeftoversInTurn() throws {
        let (leftovers, baseCycle) = state.withLock { ($0.journal.leftovers, $0.manifest.baseCycle) }
        guard !leftovers.isEmpty else { return }
        // What was merged away no view reads, because a merge is not published while one does. What was folded, a view
        // may have opened while the fold went on.
        // A guest that runs needs the base alone, or a view.
        let isViewed = try !viewedCycles().isEmpty
        // Newest first, so that a log never outlives the ones before it: what is dropped stays a part of one chain.
        for cycle in leftovers.sorted(by: >) where !isViewed || cycle > baseCycle {
            try DurableFiles.remove(layout.log(of: cycle))
            state.withLock { $0.journal.removedLeftover(cycle) }
            try failpoints.reach(.leftoverRemoved)
        }
    }
}

extension ReplicaError {
    static func viewsAreOpen(_ cycle: UInt64) -> ReplicaError {
        ReplicaError(
            .inUse, "live views need what would be changed", remedy: "Close the views, or wait until they end.",
            facts: ["heldCycle": cycle == .max ? "all" : "\(cycle)"])
    }

    static func guestRuns(from cycle: UInt64) -> ReplicaError {
        ReplicaError(
            .inUse, "a guest runs from a point of this replica",
            remedy: "Commit the failover, or stop the guest and take its failover back.",
            facts: ["runningCycle": "\(cycle)"])
    }

    /// Met when the other side is the active one, which it became after this guest was started: then there is nothing to
    /// commit or to cancel.
    static func receivesNothing(whileGuestRunsFrom cycle: UInt64) -> ReplicaError {
        ReplicaError(
            .inUse, "a guest was started from point \(cycle) of this replica, which takes no cycle until it is gone",
            remedy:
                "Commit or cancel the failover. Where there is none, because the other side is the active one, shut that "
                + "guest off on this host, then `bascule unprotect GUEST` and protect it again: what it wrote goes with "
                + "the replica.",
            facts: ["runningCycle": "\(cycle)"])
    }

    static func settling(on cycle: UInt64) -> ReplicaError {
        ReplicaError(
            .inUse, "points are being dropped and the base brought to another point",
            remedy: "Wait until that is finished.", facts: ["settlingCycle": "\(cycle)"])
    }

    static var absorbing: ReplicaError {
        ReplicaError(
            .inUse, "overlays were begun to be taken into the base, and it is no point until that has ended",
            remedy: "Take the overlays in again.")
    }

    static func compressed(_ cycle: UInt64) -> ReplicaError {
        ReplicaError(
            .inUse, "an adopted image holds compressed clusters, so it cannot be written beneath a view",
            remedy: "Close the views, or wait until they end.", facts: ["heldCycle": cycle == .max ? "all" : "\(cycle)"]
        )
    }
}
