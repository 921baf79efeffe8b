internal import DeltaLog
package import FoundationEssentials
internal import Sealing
internal import Synchronization

/// One replica directory, opened by its owner: base images, a journal of delta logs, the manifest. Layout.md is the
/// specification of the files, of the order in which they change, and of what a crash leaves.
///
/// Reading order: here, then `Replica+Cycle` (open, commit, abort), `Replica+Retention` (fold, merge), `Replica+Scrub`,
/// `Replica+Removal`. Every call may block on the disk: make it on a thread of your own. Calls from several threads are
/// safe; cycles wait for cycles and retention for retention, and neither waits for the other.
package final class Replica: Sendable {
    package let directory: String
    let layout: ReplicaLayout
    let replicaKey: SealingKey
    let manifests: ManifestStore
    let failpoints: FailpointHook

    /// Taken in this order where more than one is needed. The first three are held during file operations; the third
    /// is for replacing the manifest, and for replacing what is known of verified points and adopted images.
    let cycleTurn = Mutex(())
    let retentionTurn = Mutex(())
    let manifestTurn = Mutex(())
    let state: Mutex<ReplicaState>

    private let directoryLock: Mutex<FileLock?>

    init(
        layout: ReplicaLayout, replicaKey: SealingKey, manifest: ReplicaManifest, journal: Journal,
        divergence: Divergence, verified: VerifiedPoints, looks: ImageLooks, directoryLock: consuming FileLock,
        failpoints: FailpointHook
    ) {
        directory = layout.directory
        self.layout = layout
        self.replicaKey = replicaKey
        self.failpoints = failpoints
        manifests = ManifestStore(layout: layout, failpoints: failpoints)
        state = Mutex(
            ReplicaState(
                manifest: manifest, journal: journal, divergence: divergence, verified: verified, looks: looks))
        self.directoryLock = Mutex(directoryLock)
    }

    /// Lets go of the directory. An open cycle is aborted; every later call throws `needsReopen`. Waits for calls of
    /// other threads, which end at their next step: a merge that is being written is the longest.
    package func close() {
        state.withLock { $0.condition = .closed }
        cycleTurn.withLock { _ in
            retentionTurn.withLock { _ in releaseInTurn() }
        }
    }

    /// - Precondition: the caller has both turns.
    func releaseInTurn() {
        let open = state.withLock { state in
            state.condition = .closed
            defer { state.openCycle = nil }
            return state.openCycle
        }
        open?.writer.abort()
        directoryLock.withLock { $0 = nil }
    }

    // MARK: What it holds

    package var protection: UUID { state.withLock { $0.manifest.protection } }

    /// The newest generation that was admitted.
    package var generation: UInt64 { state.withLock { $0.manifest.generation } }

    /// Every point that can be read, oldest first.
    package func points() -> [RecoveryPoint] { state.withLock { $0.points } }

    package func point(of cycle: UInt64) -> RecoveryPoint? { state.withLock { $0.point(of: cycle) } }

    /// The cycle that is being received.
    package var openCycle: OpenCycle? { state.withLock { $0.openCycle } }

    package func describe() throws -> ReplicaDescription {
        let state = state.withLock { $0 }
        try state.requireReady()
        let newest = state.newest
        return ReplicaDescription(
            protection: state.manifest.protection, guest: state.manifest.guest, guestName: state.manifest.guestName,
            generation: state.manifest.generation, baseCycle: state.manifest.baseCycle,
            newestCycle: newest?.cycle ?? 0, points: state.points.count, baseBytes: try baseBytes(),
            journalBytes: state.journal.storedBytes, disks: newest?.disks ?? [],
            openCycle: state.openCycle?.cycle ?? 0, faults: state.journal.faults.map(describe),
            runningCycle: state.manifest.runningCycle, settlingCycle: state.manifest.settlingCycle,
            isDiverged: state.manifest.isDiverged, isAbsorbing: state.manifest.isAbsorbing,
            adopted: state.manifest.adopted, spoilt: state.spoilt, verificationFault: state.verified.fault)
    }

    /// Bytes that base images take on disk.
    func baseBytes() throws -> UInt64 { try images.allocatedBytes() }

    var images: BaseImages { BaseImages(layout: layout, manifest: state.withLock { $0.manifest }) }

    func describe(_ fault: Journal.Fault) -> String {
        "\(ReplicaLayout.logName(fault.cycle)): \(fault.reason)"
    }

    /// Opens a point for reading in this process. Retention leaves alone what the view reads while the view lives.
    /// - Parameter cycle: nil stands for the newest point.
    package func view(cycle: UInt64? = nil) throws -> ReplicaView {
        try requireUnspoilt(cycle)
        return try view { state in
            try PointSource(
                cycle: cycle, manifest: state.manifest, journal: state.journal, oldestReadable: state.oldestReadable)
        }
    }

    /// Opens what the next cycle is made upon: the newest point, or what diverged or spoilt disks hold.
    /// - Throws: `ReplicaError` with code `notFound` when there is neither.
    package func parentView() throws -> ReplicaView {
        try view { state in
            if state.journal.newest == nil, case .diverged(let base) = state.manifest.base {
                return PointSource(disks: base)
            }
            // Spoilt or not: the comparison is with what is there.
            let oldest = state.spoilt == nil ? state.oldestReadable : state.manifest.oldestReadableCycle
            return try PointSource(
                cycle: nil, manifest: state.manifest, journal: state.journal, oldestReadable: oldest)
        }
    }

    private func view(_ choose: (ReplicaState) throws -> PointSource) throws -> ReplicaView {
        let (source, images) = try state.withLock { state in
            try state.requireReady()
            try state.manifest.requireReadableBase()
            let source = try choose(state)
            if let settling = state.announcedSettling, source.point.cycle != settling {
                throw ReplicaError.settling(on: settling)
            }
            state.pin(source.point.cycle)
            return (source, BaseImages(layout: layout, manifest: state.manifest))
        }
        let pin = ViewPin(replica: self, cycle: source.point.cycle)
        return try ReplicaView(source, images: images, layout: layout, replicaKey: replicaKey, hold: pin)
    }

    // MARK: Shared steps

    /// Replaces the manifest durably, then what is in memory.
    /// - Parameter alongside: changes memory in the same moment as the new manifest becomes visible there.
    func changeManifest(
        _ change: (inout ReplicaManifest) -> Void, alongside: (inout ReplicaState) -> Void = { _ in }
    ) throws {
        try manifestTurn.withLock { _ in
            let before = try state.withLock { state in
                try state.requireReady()
                return state.manifest
            }
            var manifest = before
            change(&manifest)
            manifest.revision += 1
            try manifests.prepare(manifest)
            try publishing { try manifests.publish() }
            state.withLock { state in
                state.manifest = manifest
                if manifest.base != before.base {
                    state.divergence = .anywhere(because: "They were written to since they were adopted.")
                }
                alongside(&state)
            }
        }
    }

    /// Runs steps after which others can see a change that may not yet be durable. If one of them fails, only opening
    /// the replica again tells what holds.
    func publishing(_ steps: () throws -> Void) throws {
        do {
            try steps()
        } catch {
            let reason = "\(error)"
            state.withLock { $0.condition = .needsReopen(because: reason) }
            throw ReplicaError(
                .needsReopen, "a change was published, but it is unknown whether it is durable",
                remedy: "Open the replica again.", cause: error)
        }
    }
}

/// What keeps retention away from a view of this process.
final class ViewPin: Sendable {
    private let replica: Replica
    private let cycle: UInt64

    /// - Precondition: the cycle was pinned in the replica's state.
    init(replica: Replica, cycle: UInt64) {
        self.replica = replica
        self.cycle = cycle
    }

    deinit {
        replica.state.withLock { $0.unpin(cycle) }
    }
}
