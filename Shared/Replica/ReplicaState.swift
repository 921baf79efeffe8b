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
    /// Views of this process: how many read each cycle.
    private(set) var pins: [UInt64: Int] = [:]
    /// A fold that is about to be written to the manifest: points before it are not given to new views any more.
    var announcedFold: UInt64?

    init(manifest: ReplicaManifest, journal: Journal) {
        self.manifest = manifest
        self.journal = journal
    }

    var oldestReadable: UInt64 { max(manifest.oldestReadableCycle, announcedFold ?? 0) }
    var highestPin: UInt64? { pins.keys.max() }

    /// The point that the next cycle is made upon.
    var newest: RecoveryPoint? { journal.newest?.point ?? manifest.listedBasePoint }

    /// Oldest first.
    var points: [RecoveryPoint] {
        let oldest = oldestReadable
        let base = manifest.listedBasePoint.map { [$0] } ?? []
        return (base + journal.chain.map(\.point)).filter { $0.cycle >= oldest }
    }

    func point(of cycle: UInt64) -> RecoveryPoint? {
        guard cycle >= oldestReadable else { return nil }
        if let entry = journal.entry(of: cycle) { return entry.point }
        return manifest.listedBasePoint.flatMap { $0.cycle == cycle ? $0 : nil }
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
