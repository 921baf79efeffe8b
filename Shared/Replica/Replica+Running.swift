internal import Synchronization

/// What is remembered while a guest runs from a point: replication and retention stand back, whatever else is started
/// again meanwhile.
extension Replica {
    /// The point that a guest runs from; nil: none.
    package var runningCycle: UInt64? { state.withLock { $0.manifest.runningCycle } }

    /// Writes down that a guest runs from a point. From then on no cycle is taken, and the points up to this one are
    /// neither merged nor folded, except to exactly this one. An open cycle is aborted. Safe to repeat.
    ///
    /// Waits for no fold and no merge, because a guest waits for it.
    /// - Throws: `ReplicaError`: `notFound` or `spoilt` when the point is not listed; `inUse` when a guest runs from
    ///   another one, or the base is being brought to another one.
    package func markRunning(from cycle: UInt64) throws {
        try cycleTurn.withLock { _ in
            if runningCycle == nil { try requireUnspoilt(cycle) }
            let isMarked = try state.withLock { state in
                try state.requireReady()
                if let running = state.manifest.runningCycle, running != cycle {
                    throw ReplicaError.guestRuns(from: running)
                }
                guard state.manifest.runningCycle == nil else { return true }
                if let settling = state.settling, settling != cycle { throw ReplicaError.settling(on: settling) }
                if state.manifest.isAbsorbing { throw ReplicaError.absorbing }
                guard state.point(of: cycle) != nil else {
                    throw ReplicaError(
                        .notFound, "the replica does not hold this point", remedy: "Choose one of the points it lists.",
                        facts: ["cycle": "\(cycle)"])
                }
                // Until the mark is durable a pin keeps merges and folds away, as for a view.
                state.pin(cycle)
                return false
            }
            guard !isMarked else { return }
            defer { state.withLock { $0.unpin(cycle) } }
            abandonOpenCycle()
            try changeManifest { $0.runningCycle = cycle }
        }
    }

    /// Takes the mark away: the guest is off, and what it wrote is of no interest here or has been taken in. Safe to
    /// repeat.
    package func stopRunning() throws {
        try cycleTurn.withLock { _ in
            guard runningCycle != nil else { return }
            try changeManifest { $0.runningCycle = nil }
        }
    }
}
