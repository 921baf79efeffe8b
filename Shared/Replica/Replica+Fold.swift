internal import DeltaLog
internal import Sealing
internal import Synchronization

/// Taking the oldest logs into the base images. Layout.md, "Fold", has the order and what a crash between two steps
/// leaves.
extension Replica {
    /// Makes the base hold the point of a cycle; the points before it go. What is the base's already is left as it is.
    /// - Throws: `ReplicaError`: `inUse` while any view is open, because each reads the base; `notFound`.
    package func fold(upTo cycle: UInt64) throws {
        try retentionTurn.withLock { _ in
            let base = try state.withLock { state in
                try state.requireReady()
                return state.manifest.base
            }
            switch base {
            case .settled(let held) where held.point.cycle == cycle: return
            case .folding(_, let target):
                guard target == cycle else {
                    throw ReplicaError(
                        .inUse, "another fold has not been finished", remedy: "Finish that one first.",
                        facts: ["target": "\(target)", "asked": "\(cycle)"])
                }
            case .empty, .settled: try announceFold(upTo: cycle)
            }
            let folded = try copyIntoBase(upTo: cycle)
            try failpoints.reach(.foldSynced)
            try changeManifest {
                $0.base = .settled(folded)
            } alongside: {
                $0.journal.dropFolded(upTo: cycle)
            }
            try failpoints.reach(.foldSettled)
            try removeBaseImages(except: folded.point.disks)
            try removeLeftoversInTurn()
        }
    }

    /// From here on no point before the target can be opened, whatever happens.
    private func announceFold(upTo cycle: UInt64) throws {
        let gate = try closedGate()
        if let held = try ViewLease.highestCycle(layout) { throw ReplicaError.viewsAreOpen(held) }
        try state.withLock { state in
            if let held = state.highestPin { throw ReplicaError.viewsAreOpen(held) }
            guard state.journal.entry(of: cycle) != nil else {
                throw ReplicaError(
                    .notFound, "the journal does not hold this cycle", remedy: "Name one of the points.",
                    facts: ["cycle": "\(cycle)"])
            }
            state.announcedFold = cycle
        }
        defer { state.withLock { $0.announcedFold = nil } }
        try changeManifest { $0.base = .folding(from: $0.basePoint, to: cycle) }
        _ = consume gate
        try failpoints.reach(.foldStarted)
    }

    /// Writes what the logs up to the cycle hold, however much of it was written before, and flushes it.
    private func copyIntoBase(upTo cycle: UInt64) throws -> ReplicaManifest.BasePoint {
        let source = try state.withLock { state in
            try PointSource(
                cycle: cycle, manifest: state.manifest, journal: state.journal, oldestReadable: state.oldestReadable)
        }
        let readers = LogReaders(paths: source.logs.map { layout.log(of: $0.cycle) }, replicaKey: replicaKey)
        for (disk, index) in zip(source.point.disks, try source.indexes(layout, replicaKey: replicaKey)) {
            let image = try BaseImage.openForWriting(layout.baseImage(of: disk.target))
            try image.resize(to: disk.sizeBytes)
            try copy(index, from: readers, into: image)
            try failpoints.reach(.foldDiskWritten)
            try image.synchronize()
        }
        try failpoints.reach(.foldWritten)
        try DurableFiles.synchronizeDirectory(layout.base)
        var point = source.point
        point.storedBytes = 0
        return ReplicaManifest.BasePoint(point: point, guest: try source.guest(layout, replicaKey: replicaKey))
    }

    private func copy(_ index: ExtentIndex, from readers: LogReaders, into image: BaseImage) throws {
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
            }
        }
    }

    /// Removes images of disks that the guest had before the point that the base holds now.
    private func removeBaseImages(except disks: [DeltaLogDisk]) throws {
        let kept = Set(disks.map(\.target))
        for name in try DurableFiles.names(in: layout.base) where !kept.contains(name) {
            try DurableFiles.remove(layout.baseImage(of: name))
        }
    }
}
