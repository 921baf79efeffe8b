internal import DeltaLog
internal import Sealing

/// What is remembered of one log of the journal: enough to list its point and to decide about it, without its index.
struct JournalEntry: Sendable, Hashable {
    private(set) var point: RecoveryPoint
    let parentCycle: UInt64
    let parentIdentifier: PointIdentifier

    var cycle: UInt64 { point.cycle }

    init(_ reader: DeltaLogReader) {
        self.init(header: reader.header, summary: reader.summary)
    }

    init(header: DeltaLogHeader, summary: DeltaLogSummary) {
        point = RecoveryPoint(
            cycle: header.cycle, identifier: header.pointIdentifier,
            capturedUnixMilliseconds: header.capturedUnixMilliseconds, consistency: header.consistency,
            storedBytes: summary.fileBytes, changedBytes: summary.changedBytes, disks: header.disks)
        parentCycle = header.parentCycle
        parentIdentifier = header.parentPointIdentifier
    }

    func sharing(_ disks: [DeltaLogDisk]) -> JournalEntry {
        var copy = self
        copy.point.disks = disks
        return copy
    }

    /// Reads header and trailer of a log, and checks that the file is the one its name says.
    static func read(_ layout: ReplicaLayout, cycle: UInt64, replicaKey: SealingKey) throws -> JournalEntry {
        let path = layout.log(of: cycle)
        let reader = try ReplicaError.translating {
            try DeltaLogReader(path: path, replicaKey: replicaKey, index: .unread)
        }
        guard reader.header.cycle == cycle else {
            throw ReplicaError(
                .corruptData, "a delta log has another cycle's name", remedy: "Give the file its own name back.",
                facts: ["path": path, "cycle": "\(reader.header.cycle)"])
        }
        return JournalEntry(reader)
    }
}
