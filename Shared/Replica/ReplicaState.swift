internal import DeltaLog

/// What the owner of a replica keeps in memory. A value; `Replica` guards it with a lock that is held for moments.
struct ReplicaState {
    enum Condition: Sendable {
        case ready
        /// Something failed after it was published and before it was known to be durable.
        case needsReopen(because: String)
        case closed
    }

    var condition = Condition.ready
    var manifest: ReplicaManifest
    var journal: Journal
    var openCycle: OpenCycle?
    /// Of a diverged base upon which nothing was committed yet.
    var divergence: Divergence
    var verified: VerifiedPoints
    /// Of adopted images, and which points rest on one that somebody else wrote to.
    var looks: ImageLooks
    /// What they were before a guest began to be started on its own disks; nil: none is.
    var looksBeforeStart: ImageLooks?
    /// Views of this process: how many read each cycle.
    private(set) var pins: [UInt64: Int] = [:]
    /// A fold that is about to be written to the manifest: points before it are not given to new views any more.
    var announcedFold: UInt64?
    /// A point that is about to be settled on: later ones are not given to new views any more.
    var announcedSettling: UInt64?

    init(
        manifest: ReplicaManifest, journal: Journal,
        divergence: Divergence = .anywhere(because: "Its base has not diverged."),
        verified: VerifiedPoints = VerifiedPoints(), looks: ImageLooks = ImageLooks()
    ) {
        self.manifest = manifest
        self.journal = journal
        self.divergence = divergence
        self.verified = verified
        self.looks = looks
    }

    var oldestReadable: UInt64 {
        max(manifest.oldestReadableCycle, announcedFold ?? 0, looks.oldestReadable)
    }
    /// Set while the newest cycle is no point, because somebody else wrote to an adopted image.
    var spoilt: SpoiltPoints? {
        guard let spoilt = looks.spoilt, let newest, newest.cycle <= spoilt.cycle else { return nil }
        return spoilt
    }
    /// Whether a write of somebody else to an adopted image would spoil something: a point, or what is known of where
    /// the base diverged. Not while a guest runs from a point, because it reads its disks there, whatever they hold.
    var restsOnImages: Bool {
        guard !manifest.adopted.isEmpty, manifest.runningCycle == nil, !manifest.isAbsorbing, spoilt == nil else {
            return false
        }
        guard case .diverged = manifest.base, journal.newest == nil, case .anywhere = divergence else { return true }
        return false
    }
    /// The point that is being settled on, or is about to be.
    var settling: UInt64? { announcedSettling ?? manifest.settlingCycle }
    /// What must not be merged or folded away: what views of this process read, and what a guest runs from.
    var heldCycles: Set<UInt64> { Set(pins.keys).union(manifest.runningCycle.map { [$0] } ?? []) }

    /// The point that the next cycle is made upon. What diverged disks hold counts, though it is no recovery point.
    var newest: RecoveryPoint? { journal.newest?.point ?? manifest.baseParent?.point }

    /// Oldest first.
    var points: [RecoveryPoint] {
        let oldest = oldestReadable
        let base = manifest.listedBasePoint.map { [$0] } ?? []
        let points = (base + journal.chain.map(\.point)).filter { $0.cycle >= oldest }
        return verified.marks.isEmpty ? points : points.map(verified.marked)
    }

    func point(of cycle: UInt64) -> RecoveryPoint? {
        guard cycle >= oldestReadable else { return nil }
        if let entry = journal.entry(of: cycle) { return verified.marked(entry.point) }
        return manifest.listedBasePoint.flatMap { $0.cycle == cycle ? verified.marked($0) : nil }
    }

    /// What retention decides by, oldest first.
    var candidates: [RetentionPlanner.Candidate] {
        // What is no point any more stays as it is until a later one is folded.
        journal.candidates { verified.marks[$0] != nil }.filter { $0.cycle >= looks.oldestReadable }
    }

    /// The cycles of views of this process and, as given, of others.
    func viewed(leases: Set<UInt64>) -> Set<UInt64> { leases.union(pins.keys) }

    /// - Throws: `ReplicaError` with code `inUse` when a view or a running guest needs another cycle than this one.
    func requireHeld(only cycle: UInt64?, leases: Set<UInt64>) throws {
        if let running = manifest.runningCycle, running != cycle { throw ReplicaError.guestRuns(from: running) }
        let others = viewed(leases: leases).subtracting(cycle.map { [$0] } ?? [])
        if let other = others.max() { throw ReplicaError.viewsAreOpen(other) }
    }

    /// - Throws: `ReplicaError` with code `inUse` when no cycle may be taken now.
    func requireReceiving() throws {
        if let running = manifest.runningCycle { throw ReplicaError.receivesNothing(whileGuestRunsFrom: running) }
        if case .absorbing = manifest.base { throw ReplicaError.absorbing }
        if let settling = manifest.settlingCycle { throw ReplicaError.settling(on: settling) }
    }

    /// Whether bringing the base to a point writes to images with compressed clusters, which no view may read meanwhile.
    func writesCompressed(upTo cycle: UInt64) -> Bool {
        guard manifest.adopted.contains(where: \.isCompressed) else { return false }
        guard case .settled(let held) = manifest.base else { return true }
        return held.point.cycle != cycle
    }

    /// - Throws: `ReplicaError` with code `inUse` when it does, and a view is open.
    func requireNoViewsOfCompressed(upTo cycle: UInt64, leases: Set<UInt64>) throws {
        guard writesCompressed(upTo: cycle), let view = viewed(leases: leases).max() else { return }
        throw ReplicaError.compressed(view)
    }

    func requireReady() throws {
        switch condition {
        case .ready: return
        case .needsReopen(let reason):
            throw ReplicaError(
                .needsReopen, "an earlier failure left it unknown what is on stable storage",
                remedy: "Open the replica again.", facts: ["because": reason])
        case .closed:
            throw ReplicaError(.needsReopen, "the replica was closed", remedy: "Open it again.")
        }
    }

    mutating func pin(_ cycle: UInt64) { pins[cycle, default: 0] += 1 }

    mutating func unpin(_ cycle: UInt64) {
        guard let count = pins[cycle] else { preconditionFailure("a view lets go of a cycle it does not hold") }
        pins[cycle] = count > 1 ? count - 1 : nil
    }
}
