package import DeltaLog
package import FoundationEssentials

/// A replica at a glance.
package struct ReplicaDescription: Sendable, Hashable {
    package var protection: UUID
    package var guest: UUID
    package var guestName: String
    package var generation: UInt64
    /// The cycle that the base images hold, or held before a fold that is going on; 0: none.
    package var baseCycle: UInt64
    /// The parent that the next cycle must name; 0: no committed point.
    package var newestCycle: UInt64
    package var points: Int
    /// Taken on disk; base images are sparse.
    package var baseBytes: UInt64
    package var journalBytes: UInt64
    /// Of the newest point.
    package var disks: [DeltaLogDisk]
    /// 0: none.
    package var openCycle: UInt64
    /// Logs that cannot be used, and why. While there are any, no cycle is taken.
    package var faults: [String]
    /// The point that a guest runs from; nil: none. While there is one, no cycle is taken.
    package var runningCycle: UInt64?
    /// Points after this one are being dropped and the base brought to it; nil: nothing of the kind.
    package var settlingCycle: UInt64?
    /// Whether the base is adopted disks that hold more than their point: the first cycle upon it has to compare.
    package var isDiverged: Bool
    /// Whether overlays were begun to be taken into the base, and that has to be done again.
    package var isAbsorbing: Bool
    /// Images of the base that are a guest's own.
    package var adopted: [AdoptedImage]
    /// Set while the newest cycle is no point, because somebody else wrote to an adopted image: the next one compares.
    package var spoilt: SpoiltPoints?
    /// Why nothing is known of verified points, which harms nothing else; nil: it is known.
    package var verificationFault: String?
}
