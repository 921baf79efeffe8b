internal import DeltaLog
internal import Sealing

/// What a point is made of: the logs up to it, upon the base.
struct PointSource: Sendable {
    let point: RecoveryPoint
    /// Oldest first; empty when the base holds the point by itself.
    let logs: [JournalEntry]
    private let base: ReplicaManifest.BasePoint?

    /// - Parameter cycle: nil stands for the newest point.
    /// - Throws: `ReplicaError` with code `notFound`, telling which points there are.
    init(cycle: UInt64?, manifest: ReplicaManifest, journal: Journal, oldestReadable: UInt64) throws {
        base = manifest.basePoint
        if let wanted = cycle ?? journal.newest?.cycle, wanted >= oldestReadable,
            let entries = journal.entries(upTo: wanted), let last = entries.last
        {
            point = last.point
            logs = Array(entries)
            return
        }
        guard let base = manifest.listedBasePoint, base.cycle == cycle ?? base.cycle, base.cycle >= oldestReadable
        else {
            let newest = journal.newest?.cycle ?? manifest.baseCycle
            throw ReplicaError(
                .notFound, "the replica does not hold this point", remedy: "Choose one of the points it lists.",
                facts: [
                    "cycle": cycle.map(String.init) ?? "newest", "oldest": "\(max(oldestReadable, manifest.baseCycle))",
                    "newest": "\(newest)",
                ])
        }
        point = base
        logs = []
    }

    /// What disks hold that are no recovery point.
    init(disks: ReplicaManifest.BasePoint) {
        base = disks
        point = disks.point
        logs = []
    }

    /// Reads the definition and the UEFI variables, which are not kept in memory.
    func guest(_ layout: ReplicaLayout, replicaKey: SealingKey) throws -> GuestConfiguration {
        guard let last = logs.last else {
            guard let base else { preconditionFailure("a point has neither logs nor a base") }
            return base.guest
        }
        return try ReplicaError.translating {
            try DeltaLogReader(path: layout.log(of: last.cycle), replicaKey: replicaKey, index: .unread).guest()
        }
    }

    /// One index for each of the point's disks, in their order.
    func indexes(_ layout: ReplicaLayout, replicaKey: SealingKey) throws -> [ExtentIndex] {
        var builders = point.disks.map { _ in ExtentIndexBuilder() }
        let positions = Dictionary(uniqueKeysWithValues: zip(point.disks.map(\.target), builders.indices))
        for (number, log) in logs.enumerated() {
            let path = layout.log(of: log.cycle)
            let reader = try ReplicaError.translating { try DeltaLogReader(path: path, replicaKey: replicaKey) }
            guard reader.header.pointIdentifier == log.point.identifier else {
                throw ReplicaError(
                    .corruptData, "a delta log was replaced by another", remedy: "Restore it from a copy.",
                    facts: ["path": path])
            }
            for (disk, extents) in reader.extentsByDisk() {
                guard let position = positions[reader.header.disks[disk].target] else { continue }
                let entries = extents.map { ExtentIndex.Entry(extent: $0, log: UInt32(number)) }
                builders[position].add(ExtentIndex(entries: entries))
            }
        }
        return zip(builders, point.disks).map { $0.build().clipped(to: $1.sizeBytes) }
    }
}

extension DeltaLogReader {
    /// The runs of extents of each disk; they are sorted by disk.
    fileprivate func extentsByDisk() -> [(disk: Int, extents: ArraySlice<DeltaLogExtent>)] {
        var runs: [(disk: Int, extents: ArraySlice<DeltaLogExtent>)] = []
        var start = extents.startIndex
        while start < extents.endIndex {
            let disk = extents[start].disk
            let end = extents[start...].firstIndex { $0.disk != disk } ?? extents.endIndex
            runs.append((Int(disk), extents[start..<end]))
            start = end
        }
        return runs
    }
}
