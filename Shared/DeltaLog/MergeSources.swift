internal import FoundationEssentials
internal import Sealing

/// The logs that a merge takes: checked to follow each other, and laid over each other.
struct MergeSources {
    /// Oldest first.
    let readers: [DeltaLogReader]

    init(logs: [String], replicaKey: SealingKey) throws {
        guard (1...DeltaLogLimits.logsPerMerge).contains(logs.count) else {
            throw DeltaLogError(
                .limitExceeded, "a merge takes 1 to \(DeltaLogLimits.logsPerMerge) logs",
                facts: ["logs": "\(logs.count)"])
        }
        readers = try logs.map { try DeltaLogReader(path: $0, replicaKey: replicaKey, index: .unread) }
        for (older, newer) in zip(readers, readers.dropFirst()) {
            try Self.checkConsecutive(older, newer)
        }
    }

    /// The newest cycle's, on top of the oldest's parent.
    var header: DeltaLogHeader {
        guard let oldest = readers.first, let newest = readers.last else { preconditionFailure("there are logs") }
        var header = newest.header
        header.parentCycle = oldest.header.parentCycle
        header.parentPointIdentifier = oldest.header.parentPointIdentifier
        return header
    }

    func guest() throws -> GuestConfiguration {
        guard let newest = readers.last else { preconditionFailure("there are logs") }
        return try newest.guest()
    }

    /// What the point of the newest log differs in from the parent of the oldest, sorted.
    func extents() throws -> [LayeredExtent] {
        try extents(of: readers.indices)
    }

    /// Halves, because laying log after log over all the older ones would take the square of their number.
    private func extents(of logs: Range<Int>) throws -> [LayeredExtent] {
        if logs.count == 1 {
            var extents: [LayeredExtent] = []
            let reader = readers[logs.lowerBound]
            extents.reserveCapacity(Int(reader.summary.extents))
            try reader.forEachExtent { extents.append(LayeredExtent(extent: $0, log: UInt16(logs.lowerBound))) }
            return extents
        }
        let middle = logs.lowerBound + logs.count / 2
        let older = try extents(of: logs.lowerBound..<middle)
        return LayeredExtent.overlay(try extents(of: middle..<logs.upperBound), on: older)
    }

    private static func checkConsecutive(_ older: DeltaLogReader, _ newer: DeltaLogReader) throws {
        let sameChain =
            newer.header.protection == older.header.protection && newer.header.parentCycle == older.header.cycle
            && newer.header.parentPointIdentifier == older.header.pointIdentifier
        // Records name disks by their position, so a position must keep its disk, and a range its meaning.
        let sameDisks =
            newer.header.disks.count >= older.header.disks.count
            && zip(older.header.disks, newer.header.disks).allSatisfy {
                $0.target == $1.target && $0.sizeBytes <= $1.sizeBytes
            }
        guard sameChain && sameDisks else {
            throw DeltaLogError(
                .notConsecutive,
                sameChain
                    ? "disks were removed, reordered or shrunk between two logs"
                    : "a log's parent is not the one before",
                facts: [
                    "older": older.path, "newer": newer.path, "olderCycle": "\(older.header.cycle)",
                    "newerParent": "\(newer.header.parentCycle)",
                ])
        }
    }
}
