internal import DeltaLog

/// Which points of a replica are verified: the content of the file `verified`. A value; Layout.md has the table.
///
/// Invariants: there is at most one mark of a point, and there are no more than `ReplicaLimits.verifiedPoints`. A mark
/// of a point that is not listed says nothing, because an identifier is never used again.
struct VerifiedPoints: Sendable, Equatable {
    private(set) var marks: [PointIdentifier: PointVerification] = [:]
    /// Why nothing is known of verified points; nil: what there is to know is known.
    private(set) var fault: String?

    init() {}

    /// - Parameter fault: why the file could not be read.
    init(fault: String) { self.fault = fault }

    init(_ marks: [PointIdentifier: PointVerification]) { self.marks = marks }

    /// A point with its mark, if it has one.
    func marked(_ point: RecoveryPoint) -> RecoveryPoint {
        guard let verification = marks[point.identifier] else { return point }
        var point = point
        point.verification = verification
        return point
    }

    /// An operator's word stands above what a guest agent says; otherwise the first mark of a point stays.
    /// - Returns: false when nothing changed.
    mutating func mark(_ identifier: PointIdentifier, _ verification: PointVerification) -> Bool {
        if let known = marks[identifier], known.witness.rawValue >= verification.witness.rawValue { return false }
        marks[identifier] = verification
        while marks.count > ReplicaLimits.verifiedPoints, let oldest = Self.ordered(marks).first {
            marks[oldest.identifier] = nil
        }
        // Whatever the file held is replaced by this.
        fault = nil
        return true
    }

    /// - Returns: false when there was no mark.
    mutating func unmark(_ identifier: PointIdentifier) -> Bool { marks.removeValue(forKey: identifier) != nil }

    /// Forgets marks of points that are gone.
    /// - Returns: false when there were none.
    mutating func keep(only listed: Set<PointIdentifier>) -> Bool {
        let kept = marks.filter { listed.contains($0.key) }
        defer { marks = kept }
        return kept.count != marks.count
    }

    // MARK: The file

    /// A file that cannot be read is no reason to refuse the replica: its points count as not verified.
    static func read(_ layout: ReplicaLayout) -> VerifiedPoints {
        guard DurableFiles.exists(layout.verified) else { return VerifiedPoints() }
        do {
            return try VerifiedPoints(
                decoding: DurableFiles.read(layout.verified, limit: ReplicaLimits.verifiedBytes))
        } catch {
            return VerifiedPoints(fault: "\(error)")
        }
    }

    /// Writes and flushes the file beside the current one. A failure changes nothing.
    func prepare(_ layout: ReplicaLayout, failpoints: FailpointHook) throws {
        try DurableFiles.write(encoded(), to: layout.verifiedDraft)
        try failpoints.reach(.verifiedWritten)
    }

    /// Puts the prepared file in the current one's place. After a failure either may be found on the next start.
    static func publish(_ layout: ReplicaLayout, failpoints: FailpointHook) throws {
        try DurableFiles.rename(layout.verifiedDraft, to: layout.verified)
        try failpoints.reach(.verifiedRenamed)
        try DurableFiles.synchronizeDirectory(layout.directory)
    }

    /// Oldest first; of one instant by identifier, so that the same marks are the same bytes.
    static func ordered(
        _ marks: [PointIdentifier: PointVerification]
    ) -> [(identifier: PointIdentifier, verification: PointVerification)] {
        marks.map { (identifier: $0.key, verification: $0.value) }.sorted { left, right in
            left.verification.unixMilliseconds == right.verification.unixMilliseconds
                ? left.identifier.bytes.lexicographicallyPrecedes(right.identifier.bytes)
                : left.verification.unixMilliseconds < right.verification.unixMilliseconds
        }
    }
}
