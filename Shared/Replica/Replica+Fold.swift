internal import DeltaLog
internal import Sealing
internal import Synchronization

/// Taking the oldest logs into the base images. Layout.md, "Fold", has the order and what a crash between two steps
/// leaves.
extension Replica {
    /// Makes the base hold the point of a cycle; the points before it go. What is the base's already is left as it is.
    ///
    /// Views of exactly this point go on: they read from the logs whatever the fold writes. The logs are removed when
    /// the last of them has ended, by the next `maintain`.
    /// - Parameter progress: told after every piece; throwing from it stops the fold, which can be taken up again.
    /// - Throws: `ReplicaError`: `inUse` while a view of another point is open, or a guest runs from another;
    ///   `notFound`; `spoilt`; `spaceExhausted`, which changes nothing when it is seen before, and leaves what was
    ///   written when somebody else takes the space meanwhile; it can be taken up again.
    package func fold(upTo cycle: UInt64, progress: (FoldProgress) throws -> Void = { _ in }) throws {
        try retentionTurn.withLock { _ in try foldInTurn(upTo: cycle, progress: progress) }
    }

    func foldInTurn(upTo cycle: UInt64, progress: (FoldProgress) throws -> Void) throws {
        try noticeStrangers()
        let base = state.withLock { $0.manifest.base }
        switch base {
        case .settled(let held) where held.point.cycle == cycle: return
        case .folding(_, let target):
            guard target == cycle else {
                throw ReplicaError(
                    .inUse, "another fold has not been finished", remedy: "Finish that one first.",
                    facts: ["target": "\(target)", "asked": "\(cycle)"])
            }
        case .absorbing: throw ReplicaError.absorbing
        case .empty, .settled, .diverged: try announceFold(upTo: cycle)
        }
        let folded = try copyIntoBase(upTo: cycle, progress: progress)
        try failpoints.reach(.foldSynced)
        try changeManifest {
            $0.base = .settled(folded)
            // The image of a disk that the guest has no more is the guest's to keep.
            $0.adopted.removeAll { image in !folded.point.disks.contains { $0.target == image.target } }
        } alongside: {
            $0.journal.dropFolded(upTo: cycle)
        }
        try failpoints.reach(.foldSettled)
        try DurableFiles.remove(layout.divergence)
        try forgetLooks()
        try removeBaseImages()
        try removeLeftoversInTurn()
    }

    /// Reads what the logs hold only where the images could not take any more of it than there is room for.
    private func requireRoom(upTo cycle: UInt64) throws {
        let source = try state.withLock { state in
            try PointSource(
                cycle: cycle, manifest: state.manifest, journal: state.journal,
                oldestReadable: state.manifest.oldestReadableCycle)
        }
        let disks = source.point.disks
        do {
            try images.roomForAnything(in: disks).check(free: DurableFiles.freeBytes(at:))
        } catch let error as ReplicaError where error.code == .spaceExhausted {
            let indexes = try source.indexes(layout, replicaKey: replicaKey)
            try images.room(for: indexes, in: disks).check(free: DurableFiles.freeBytes(at:))
        }
    }

    /// From here on no point before the target can be opened, whatever happens.
    private func announceFold(upTo cycle: UInt64) throws {
        // Before the gate, because what is announced is listed no more, be it for a moment.
        try requireRoom(upTo: cycle)
        let gate = try closedGate()
        let leases = try ViewLease.heldCycles(layout)
        try state.withLock { state in
            try state.requireHeld(only: cycle, leases: leases)
            try state.requireNoViewsOfCompressed(upTo: cycle, leases: leases)
            guard state.journal.entry(of: cycle) != nil else {
                throw ReplicaError(
                    .notFound, "the journal does not hold this cycle", remedy: "Name one of the points.",
                    facts: ["cycle": "\(cycle)"])
            }
            if let spoilt = state.looks.spoilt, cycle <= spoilt.cycle, state.manifest.settlingCycle != cycle {
                throw ReplicaError.spoilt(spoilt)
            }
            state.announcedFold = cycle
        }
        defer { state.withLock { $0.announcedFold = nil } }
        try changeManifest { $0.base = .folding(from: $0.basePoint, to: cycle) }
        _ = consume gate
        try failpoints.reach(.foldStarted)
    }

    /// Writes what the logs up to the cycle hold, however much of it was written before, and flushes it.
    private func copyIntoBase(
        upTo cycle: UInt64, progress: (FoldProgress) throws -> Void
    ) throws -> ReplicaManifest.BasePoint {
        let source = try state.withLock { state in
            // A fold that was begun is finished, whether its point was spoilt meanwhile or not.
            try PointSource(
                cycle: cycle, manifest: state.manifest, journal: state.journal,
                oldestReadable: state.manifest.oldestReadableCycle)
        }
        let readers = LogReaders(paths: source.logs.map { layout.log(of: $0.cycle) }, replicaKey: replicaKey)
        let indexes = try source.indexes(layout, replicaKey: replicaKey)
        var done = FoldProgress(indexes)
        try progress(done)
        for (disk, index) in zip(source.point.disks, indexes) {
            let place = images.adoptedImage(of: disk.target)?.path ?? layout.base
            var space = try FoldSpace { try DurableFiles.freeBytes(at: place) }
            try writeBase(of: disk) { image in
                try copy(index, from: readers, into: image) {
                    done.doneBytes += $0
                    try progress(done)
                    try space.wrote($0)
                }
                try failpoints.reach(.foldDiskWritten)
                try image.synchronize()
            }
        }
        try failpoints.reach(.foldWritten)
        try DurableFiles.synchronizeDirectory(layout.base)
        var point = source.point
        point.storedBytes = 0
        return ReplicaManifest.BasePoint(point: point, guest: try source.guest(layout, replicaKey: replicaKey))
    }

    private func copy(
        _ index: ExtentIndex, from readers: LogReaders, into image: any BaseImage, written: (UInt64) throws -> Void
    ) throws {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: ReplicaLimits.copyBufferBytes, alignment: 4_096)
        defer { buffer.deallocate() }
        for entry in index.entries {
            try state.withLock { try $0.requireReady() }
            if entry.extent.isZero {
                try image.zero(entry.extent.range)
                continue
            }
            var offset = entry.extent.offset
            while offset < entry.extent.end {
                let count = Int(min(UInt64(buffer.count), entry.extent.end - offset))
                let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
                try readers.read(entry, from: offset - entry.extent.offset, into: part)
                try image.write(UnsafeRawBufferPointer(part), at: offset)
                offset += UInt64(count)
                try written(UInt64(count))
            }
        }
    }

    /// Removes images of our own whose disks the base's point does not have, or has elsewhere.
    func removeBaseImages() throws {
        let manifest = state.withLock { $0.manifest }
        let kept = Set(manifest.basePoint?.point.disks.map(\.target) ?? []).subtracting(manifest.adopted.map(\.target))
        for name in try DurableFiles.names(in: layout.base) where !kept.contains(name) {
            try DurableFiles.remove(layout.baseImage(of: name))
        }
    }
}
