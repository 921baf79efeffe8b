package import DeltaLog

/// A committed cycle: the disks as they were at one instant, wholly on stable storage.
package struct RecoveryPoint: Sendable, Hashable {
    package var cycle: UInt64
    /// Fixed at commit; the same cycle number in another replica has another.
    package var identifier: PointIdentifier
    /// The source host's clock.
    package var capturedUnixMilliseconds: Int64
    package var consistency: CaptureConsistency
    /// Of its delta log; 0 when the base holds the point.
    package var storedBytes: UInt64
    /// Disk bytes that its delta log covers.
    package var changedBytes: UInt64
    package var disks: [DeltaLogDisk]
    /// That a guest which was started from it answered; nil: none did, as far as is known.
    package var verification: PointVerification?

    package init(
        cycle: UInt64, identifier: PointIdentifier, capturedUnixMilliseconds: Int64, consistency: CaptureConsistency,
        storedBytes: UInt64, changedBytes: UInt64, disks: [DeltaLogDisk], verification: PointVerification? = nil
    ) {
        self.cycle = cycle
        self.identifier = identifier
        self.capturedUnixMilliseconds = capturedUnixMilliseconds
        self.consistency = consistency
        self.storedBytes = storedBytes
        self.changedBytes = changedBytes
        self.disks = disks
        self.verification = verification
    }
}
