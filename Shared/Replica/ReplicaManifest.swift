package import DeltaLog
package import FoundationEssentials

/// The small file that says whose replica this is, which generation may write to it, and which point the base holds.
/// What the journal holds, the journal says itself. Layout.md is the specification of the file.
///
/// Invariants: the generation is at least 1; the revision rises with every writing; a fold's target is above the
/// base's cycle; nothing is dropped before the base; adopted images have different targets and paths.
package struct ReplicaManifest: Sendable, Equatable {
    /// What this host does with the directory.
    package enum Role: UInt8, Sendable {
        case target = 1
    }

    /// A point that the base images hold by themselves.
    package struct BasePoint: Sendable, Equatable {
        package var point: RecoveryPoint
        package var guest: GuestConfiguration
    }

    package enum Base: Sendable, Equatable {
        /// Nothing was ever folded: the journal begins with a first full cycle.
        case empty
        case settled(BasePoint)
        /// Some bytes of the base are still the old point's, some are the target's already; the logs up to the target
        /// cover all of them, so every point from the target on reads rightly and the work can be done again.
        case folding(from: BasePoint?, to: UInt64)
        /// Adopted disks that hold what was written after their point, or that their guest, which runs from it, may write
        /// to: never a recovery point, but something that a comparing cycle can be made upon once the guest is off.
        case diverged(BasePoint)
        /// Overlays are being written into the base. It is no point until that has ended.
        case absorbing(AdoptedPoint, guest: GuestConfiguration)
    }

    package var protection: UUID
    package var guest: UUID
    package var guestName: String
    package var generation: UInt64
    package var revision: UInt64
    package var role: Role
    package var base: Base
    /// The point that a guest runs from; nil: none.
    package var runningCycle: UInt64?
    /// Points after this one are being dropped, and the base brought to it; nil: nothing of the kind.
    package var settlingCycle: UInt64?
    /// Images of the base that are a guest's own. The others are in `base/`.
    package var adopted: [AdoptedImage] = []

    /// The cycle that the first log of the journal has as its parent; 0 when the base is empty.
    package var baseCycle: UInt64 { basePoint?.point.cycle ?? 0 }

    package var basePoint: BasePoint? {
        switch base {
        case .empty: nil
        case .settled(let point), .diverged(let point): point
        case .folding(let point, _): point
        case .absorbing(let point, let guest): BasePoint(point: point.point, guest: guest)
        }
    }

    /// The oldest cycle that can be read; 0 when the journal decides.
    package var oldestReadableCycle: UInt64 {
        switch base {
        case .empty: 0
        case .settled(let base), .diverged(let base): base.point.cycle
        case .folding(_, let target): target
        case .absorbing(let point, _): point.point.cycle
        }
    }

    /// The cycle that the base is being brought to; nil: none.
    var foldingCycle: UInt64? {
        switch base {
        case .folding(_, let target): target
        case .empty, .settled, .diverged, .absorbing: nil
        }
    }

    /// The base's point, when it can be read.
    package var listedBasePoint: RecoveryPoint? {
        switch base {
        case .empty, .folding, .diverged, .absorbing: nil
        case .settled(let base): base.point
        }
    }

    /// What the base holds and a cycle can be made upon.
    package var baseParent: BasePoint? {
        switch base {
        case .empty, .folding, .absorbing: nil
        case .settled(let base), .diverged(let base): base
        }
    }

    package var isDiverged: Bool {
        switch base {
        case .empty, .settled, .folding: false
        case .diverged: true
        case .absorbing(let point, _): point.isDiverged
        }
    }

    /// The point whose adopted disks were given back to their guest, which runs on them; nil: nothing of the kind.
    var handedOverCycle: UInt64? {
        guard case .diverged(let base) = base, runningCycle == base.point.cycle else { return nil }
        return runningCycle
    }

    package var isAbsorbing: Bool {
        switch base {
        case .empty, .settled, .folding, .diverged: false
        case .absorbing: true
        }
    }

    /// Whether a view may be opened now. Layout.md, "Adopted images", says why not always.
    func requireReadableBase() throws {
        switch base {
        case .empty, .settled, .diverged: return
        case .folding:
            if adopted.contains(where: \.isCompressed) {
                throw ReplicaError(
                    .inUse, "the base is being written, and an adopted image holds compressed clusters",
                    remedy: "Try again when the fold has ended.")
            }
        case .absorbing: throw ReplicaError.absorbing
        }
    }

    /// Called before a manifest is written and after it is read.
    package func checkInvariants() throws {
        try Self.require(generation > 0, "the generation is 0")
        try Self.require(generation <= ReplicaLimits.generation, "nobody counts to its generation")
        try Self.require(revision > 0, "the revision is 0")
        try Self.require(guestName.utf8.count <= ReplicaLimits.guestNameBytes, "the guest's name is too long")
        if case .folding(_, let target) = base {
            try Self.require(target > baseCycle, "a fold does not lead forward")
            try Self.require(settlingCycle ?? target >= target, "a fold leads beyond what is kept")
        }
        if let runningCycle { try Self.require(runningCycle > 0, "the running cycle is 0") }
        if let settlingCycle {
            try Self.require(settlingCycle > 0 && settlingCycle >= baseCycle, "points before the base are dropped")
        }
        try AdoptedImage.check(adopted)
        guard let basePoint else { return }
        try Self.require(basePoint.point.cycle > 0, "the base's cycle is 0")
        try Self.require(basePoint.point.identifier != .none, "the base's point has no identifier")
        try Self.require(
            basePoint.guest.definition.utf8.count <= DeltaLogLimits.definitionBytes, "the definition is too long")
        try Self.require(basePoint.guest.nvram.count <= DeltaLogLimits.nvramBytes, "the NVRAM is too large")
        try DiskShape.check(basePoint.point.disks)
    }

    private static func require(_ condition: Bool, _ violation: String) throws {
        guard condition else {
            throw ReplicaError(
                .corruptData, "the manifest does not hold together: \(violation)",
                remedy: "Restore the manifest from a copy of the replica directory.")
        }
    }
}
