internal import DeltaLog
internal import Sealing
internal import Synchronization

/// Receiving a cycle. Two flushes make a point: the log's own, then the journal directory's.
extension Replica {
    /// Takes note of a generation: a newer one is written down and ends an older one's cycle; an older one is refused.
    package func admit(generation: UInt64) throws {
        try cycleTurn.withLock { _ in try admitInTurn(generation) }
    }

    /// Makes the log that the cycle's records go to. A cycle that is open already is aborted first: whoever opens
    /// another no longer wants it, and the new one has another key. An incremental one upon a diverged base has to cover
    /// more than what changed, see `OpenCycle.mustCover`.
    /// - Throws: `ReplicaError`: `staleGeneration`, `wrongParent`, `invalidArgument`, `spaceExhausted`, `corruptData` while
    ///   the journal has faults, `inUse` while somebody who spoilt points has a disk open.
    package func openCycle(_ opening: CycleOpening) throws -> OpenCycle {
        try cycleTurn.withLock { _ in
            try admitInTurn(opening.generation)
            try state.withLock { try $0.requireReceiving() }
            let parent = try checkedParent(of: opening)
            let spoilt = try noticeStrangers()
            let mustCover = try requiredCover(of: opening)
            if opening.kind == .incremental,
                let difference = DiskShape.difference(opening.disks, from: parent?.disks ?? [])
            {
                throw ReplicaError.otherShape(opening, because: difference)
            }
            try requireSpace(opening.expectedBytes)
            abandonOpenCycle()
            try takeImagesAsTheyAre()
            try noteGuestName(opening.guestName)
            let header = DeltaLogHeader(
                protection: protection, cycle: opening.cycle, parentCycle: opening.parentCycle,
                pointIdentifier: try PointIdentifier.random(), parentPointIdentifier: parent?.identifier ?? .none,
                capturedUnixMilliseconds: opening.capturedUnixMilliseconds, consistency: opening.consistency,
                generation: opening.generation, disks: opening.disks)
            let writer = try ReplicaError.translating {
                try DeltaLogWriter.create(
                    path: layout.incomingLog(of: opening.cycle), header: header, guest: opening.guest,
                    replicaKey: replicaKey)
            }
            let cycle = OpenCycle(opening: opening, writer: writer, mustCover: mustCover, spoilt: spoilt)
            state.withLock { $0.openCycle = cycle }
            try failpoints.reach(.cycleOpened)
            return cycle
        }
    }

    /// Makes the point: index and trailer, flush, rename into the journal, flush of the directory. Asked again after it
    /// happened, it answers the same point.
    /// - Parameter attempts: those whose records count; each is finished.
    /// - Throws: `ReplicaError`: `cycleNotOpen`, `staleGeneration`; after any other the cycle is aborted.
    package func commit(cycle: UInt64, generation: UInt64, attempts: [UInt32]) throws -> RecoveryPoint {
        try cycleTurn.withLock { _ in
            try admitInTurn(generation)
            if let point = point(of: cycle) { return point }
            let open = try requireOpen(cycle)
            let summary: DeltaLogSummary
            do {
                try requireUntouched(since: open)
                try requireCovered(open, attempts: attempts)
                summary = try ReplicaError.translating {
                    try open.writer.commit(attempts: attempts + sealEnteringRanges(open, attempts: attempts))
                }
            } catch {
                abandonOpenCycle()
                throw error
            }
            try failpoints.reach(.commitFinished)
            try publishing {
                try DurableFiles.rename(open.writer.path, to: layout.log(of: cycle))
                try failpoints.reach(.commitRenamed)
                try DurableFiles.synchronizeDirectory(layout.journal)
                try failpoints.reach(.commitSynced)
            }
            let entry = JournalEntry(header: open.writer.header, summary: summary)
            state.withLock { state in
                state.journal.append(entry)
                state.openCycle = nil
            }
            return entry.point
        }
    }

    /// Throws an open cycle away. Safe to repeat, and for a cycle that was never opened.
    /// - Throws: `ReplicaError`: `staleGeneration`, `alreadyExists` when the cycle is committed.
    package func abort(cycle: UInt64, generation: UInt64) throws {
        try cycleTurn.withLock { _ in
            try admitInTurn(generation)
            guard point(of: cycle) == nil else {
                throw ReplicaError(
                    .alreadyExists, "the cycle is committed and cannot be aborted",
                    remedy: "Close the capture as committed.", facts: ["cycle": "\(cycle)"])
            }
            try failpoints.reach(.abortStarted)
            if openCycle?.cycle == cycle { abandonOpenCycle() }
        }
    }

    // MARK: Steps, in the cycles' turn

    private func admitInTurn(_ generation: UInt64) throws {
        let known = try state.withLock { state in
            try state.requireReady()
            return state.manifest.generation
        }
        guard generation >= known else {
            throw ReplicaError(
                .staleGeneration, "the command is of an older generation than the replica has seen",
                remedy: "Stop replicating from there: the other side is active now.",
                facts: ["generation": "\(generation)", "known": "\(known)"])
        }
        guard generation > known else { return }
        abandonOpenCycle()
        try changeManifest { $0.generation = generation }
    }

    /// - Returns: the parent point; nil for a first cycle.
    private func checkedParent(of opening: CycleOpening) throws -> RecoveryPoint? {
        let (newest, faults) = state.withLock { ($0.newest, $0.journal.faults) }
        if let fault = faults.first {
            throw ReplicaError(
                .corruptData, "the journal has a log that cannot be used, so nothing can follow it",
                remedy: "Restore the log from a copy; or, on the target host, stop bascule-agent, run `bascule recover "
                    + "set-aside` for this protection, and start it: the next cycle compares.",
                facts: ["fault": describe(fault), "faults": "\(faults.count)"])
        }
        guard opening.parentCycle == newest?.cycle ?? 0, opening.cycle > opening.parentCycle else {
            throw ReplicaError(
                .wrongParent, "the replica does not hold the parent that the cycle names as its newest point",
                remedy: "Ask which cycle it holds, and continue from there.",
                facts: [
                    "cycle": "\(opening.cycle)", "parent": "\(opening.parentCycle)", "held": "\(newest?.cycle ?? 0)",
                ])
        }
        guard newest != nil || opening.kind == .full else {
            throw ReplicaError(
                .wrongParent, "the first cycle of a replica must be a full one", remedy: "Run a full cycle.",
                facts: ["cycle": "\(opening.cycle)"])
        }
        try DiskShape.check(opening.disks)
        return newest
    }

    func requireSpace(_ bytes: UInt64) throws {
        let free = try DurableFiles.freeBytes(at: layout.directory)
        let (needed, overflow) = bytes.addingReportingOverflow(ReplicaLimits.reservedFreeBytes)
        guard !overflow, needed <= free else {
            throw ReplicaError(
                .spaceExhausted, "the file system of the replica has no room for this",
                remedy: "Free space there, or shorten the policy's retention.",
                facts: ["needed": "\(bytes)", "reserved": "\(ReplicaLimits.reservedFreeBytes)", "free": "\(free)"])
        }
    }

    private func noteGuestName(_ name: String) throws {
        guard !name.isEmpty, name != state.withLock({ $0.manifest.guestName }) else { return }
        guard name.utf8.count <= ReplicaLimits.guestNameBytes else {
            throw ReplicaError(
                .limitExceeded, "the guest's name is too long", remedy: "Rename the guest.",
                facts: ["bytes": "\(name.utf8.count)"])
        }
        try changeManifest { $0.guestName = name }
    }

    private func requireOpen(_ cycle: UInt64) throws -> OpenCycle {
        guard let open = openCycle, open.cycle == cycle else {
            throw ReplicaError(
                .cycleNotOpen, "the cycle is not open here", remedy: "Abort it and run the next one.",
                facts: ["cycle": "\(cycle)", "open": openCycle.map { "\($0.cycle)" } ?? "none"])
        }
        return open
    }

    func abandonOpenCycle() {
        let open = state.withLock { state in
            defer { state.openCycle = nil }
            return state.openCycle
        }
        open?.writer.abort()
    }

    /// Says in the log itself that what its records leave out of new and grown disks is zero.
    /// - Returns: the target's own attempt, when it had something to say.
    private func sealEnteringRanges(_ open: OpenCycle, attempts: [UInt32]) throws -> [UInt32] {
        // Beneath a first cycle there is nothing.
        guard open.opening.parentCycle > 0 else { return [] }
        let parent = state.withLock { $0.newest?.disks ?? [] }
        let entering = DiskShape.entering(open.opening.disks, kind: open.opening.kind, onto: parent)
        guard !entering.isEmpty else { return [] }
        let own = ReplicaLimits.ownAttempt
        var sealer = try RecordSealer(key: open.writer.cycleKey, attempt: own, preference: .none)
        for (disk, range) in entering {
            let uncovered = try open.writer.uncoveredRanges(ofDisk: UInt16(disk), in: range, attempts: attempts)
            for gap in uncovered {
                for start in stride(
                    from: gap.lowerBound, to: gap.upperBound, by: Int(DeltaLogLimits.zeroBytesPerRecord))
                {
                    let length = min(gap.upperBound - start, DeltaLogLimits.zeroBytesPerRecord)
                    let record = try sealer.zero(disk: UInt16(disk), offset: start, length: length)
                    try open.writer.append(record: record.span.bytes, attempt: own)
                }
            }
        }
        _ = try open.writer.finishAttempt(own)
        return [own]
    }
}
