package import FoundationEssentials

/// What a delta log says about its cycle, small enough to keep for every point. A merged log carries the newest cycle's values, and as its parent
/// the parent of the oldest.
package struct DeltaLogHeader: Equatable, Sendable {
    package var protection: UUID
    package var cycle: UInt64
    /// 0: none, a first full cycle.
    package var parentCycle: UInt64
    package var pointIdentifier: PointIdentifier
    /// `.none` exactly when `parentCycle` is 0.
    package var parentPointIdentifier: PointIdentifier
    /// The source host's clock.
    package var capturedUnixMilliseconds: Int64
    package var consistency: CaptureConsistency
    package var generation: UInt64
    /// At most 64, with different targets.
    package var disks: [DeltaLogDisk]

    package init(
        protection: UUID, cycle: UInt64, parentCycle: UInt64, pointIdentifier: PointIdentifier,
        parentPointIdentifier: PointIdentifier, capturedUnixMilliseconds: Int64, consistency: CaptureConsistency,
        generation: UInt64, disks: [DeltaLogDisk]
    ) {
        self.protection = protection
        self.cycle = cycle
        self.parentCycle = parentCycle
        self.pointIdentifier = pointIdentifier
        self.parentPointIdentifier = parentPointIdentifier
        self.capturedUnixMilliseconds = capturedUnixMilliseconds
        self.consistency = consistency
        self.generation = generation
        self.disks = disks
    }
}

extension DeltaLogHeader {
    /// Conditions H6 and H7. Checked before a header is written and after one is read.
    func checkInvariants() throws(FormatFault) {
        try require(cycle > parentCycle, .headerAncestry)
        try require(pointIdentifier != .none, .headerAncestry)
        try require((parentCycle == 0) == (parentPointIdentifier == .none), .headerAncestry)
        try require((1...DeltaLogLimits.disks).contains(disks.count), .headerDisks)
        try require(Set(disks.map(\.target)).count == disks.count, .headerDisks)
        for disk in disks { try disk.checkInvariants() }
    }
}
