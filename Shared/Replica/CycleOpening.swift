package import DeltaLog

/// How a cycle's records relate to its parent point.
package enum CycleKind: Sendable, Hashable {
    /// Every allocated extent of every disk; what is left out is zero.
    case full
    /// What the checkpoint says has changed.
    case incremental
    /// What differs from the parent point by comparison.
    case compare
}

/// What the target must know to open a cycle.
package struct CycleOpening: Sendable, Equatable {
    package var cycle: UInt64
    /// The newest committed cycle; 0 when there is none.
    package var parentCycle: UInt64
    package var kind: CycleKind
    package var generation: UInt64
    /// The source host's clock.
    package var capturedUnixMilliseconds: Int64
    package var consistency: CaptureConsistency
    package var disks: [DeltaLogDisk]
    package var guest: GuestConfiguration
    /// The guest's name now; it may have been renamed.
    package var guestName: String
    /// Refused when it cannot fit.
    package var expectedBytes: UInt64

    package init(
        cycle: UInt64, parentCycle: UInt64, kind: CycleKind, generation: UInt64, capturedUnixMilliseconds: Int64,
        consistency: CaptureConsistency, disks: [DeltaLogDisk], guest: GuestConfiguration,
        guestName: String, expectedBytes: UInt64 = 0
    ) {
        self.cycle = cycle
        self.parentCycle = parentCycle
        self.kind = kind
        self.generation = generation
        self.capturedUnixMilliseconds = capturedUnixMilliseconds
        self.consistency = consistency
        self.disks = disks
        self.guest = guest
        self.guestName = guestName
        self.expectedBytes = expectedBytes
    }
}

/// A cycle that is being received. Records go to its writer, from as many threads as there are attempts.
package struct OpenCycle: Sendable {
    package let opening: CycleOpening
    package let writer: DeltaLogWriter
    /// Ranges that its records must cover, whether they changed or not, by the position of their disk.
    package let mustCover: [UInt16: [Range<UInt64>]]
    /// As it was when the cycle was opened.
    let spoilt: SpoiltPoints?

    package var cycle: UInt64 { opening.cycle }
}
