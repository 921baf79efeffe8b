package import FoundationEssentials

/// What the disks held at the capture instant, as far as the guest's file systems are concerned. Raw values are stored.
package enum CaptureConsistency: UInt8, Sendable, CaseIterable {
    case crash = 1
    /// File systems were frozen at the capture instant.
    case application = 2
}

/// One disk of the guest at the capture instant. Its position in `DeltaLogHeader.disks` is its number in records.
package struct DeltaLogDisk: Hashable, Sendable {
    /// libvirt's target name, such as `vda`: 1 to 32 bytes of letters, digits, `.`, `_` and `-`.
    package var target: String
    package var sizeBytes: UInt64

    package init(target: String, sizeBytes: UInt64) {
        self.target = target
        self.sizeBytes = sizeBytes
    }
}

/// Everything a delta log says about its cycle. A merged log carries the newest cycle's values, and as its parent
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
    /// The inactive domain XML. It is sealed in the file, because it may hold secrets.
    package var definition: String
    /// UEFI variables; empty: none. Sealed in the file too.
    package var nvram: [UInt8]

    package init(
        protection: UUID, cycle: UInt64, parentCycle: UInt64, pointIdentifier: PointIdentifier,
        parentPointIdentifier: PointIdentifier, capturedUnixMilliseconds: Int64, consistency: CaptureConsistency,
        generation: UInt64, disks: [DeltaLogDisk], definition: String, nvram: [UInt8] = []
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
        self.definition = definition
        self.nvram = nvram
    }
}
