/// What a run has learned. Steps decide from these alone, so a run that was killed goes on from what is stored.
struct RunFacts: Hashable, Sendable, Codable {
    // From the registry.
    var source: HostEntry
    var target: HostEntry
    var generation: UInt64
    var version: UInt64
    var networks: [NetworkLink] = []
    var fenceAction = FenceAction.alarm
    var policy = ""
    /// 0: not known.
    var guestMemoryBytes: UInt64 = 0
    var activeSide = Side.source
    var state = ProtectionState.protected
    /// The point that the vault has noted for the target's guest.
    var failoverCycle: UInt64 = 0
    /// The vault says that this run holds the protection.
    var isHolder = false
    /// Source and target have changed places since the run began.
    var isReversed = false

    // Of what was there before, to be put back.
    var sourceRan: Bool?
    /// The target's base is a guest's own disks.
    var isAdopted = false

    // From the policy.
    var shutdownLimitMilliseconds = OrchestratorLimits.shutdownLimitMillisecondsDefault
    var whenShutdownFails = WhenShutdownFails.stop

    // On the way.
    var sourceStoppedAt: RunTime?
    /// Cycles up to here ended before the last delta was asked for.
    var historyMark: UInt64?
    var triggeredAt: RunTime?
    var firstTriggeredAt: RunTime?
    var deltaTries = 0
    var isCycleOpen = false
    /// The cycle that holds everything the source's guest ever wrote.
    var lastDelta: UInt64?
    var point: RecoveryPoint?
    /// The target was made the active side by this run, and that was not taken back since.
    var isActivated = false
    /// The source was made the active side again, and the sides do not know yet.
    var owesSides = false
    /// When the last request to start the guest was sent, and whether one was sent before it.
    var startAskedAt: RunTime?
    var startAskedBefore = false
    var started: StartedReplica?
    /// The target answered that it runs the guest from another point already, which is not of this run's making.
    var runsAnotherPoint: Bool?
    var runningAt: RunTime?
    var isTestCleaned = false

    init(source: HostEntry, target: HostEntry, generation: UInt64, version: UInt64) {
        self.source = source
        self.target = target
        self.generation = generation
        self.version = version
    }

    func host(_ side: Side) -> HostEntry {
        switch side {
        case .source: source
        case .target: target
        }
    }
}

extension RunFacts {
    /// Takes over what a snapshot says of the run's protection. The hosts stay those that the run began with, whatever
    /// changed places since; where their agents are to be found may be new.
    mutating func take(
        _ registry: RegistryView, protection id: String, guest: String, run: String
    ) throws(OrchestratorError) {
        if let host = registry.host(source.id) { source = host }
        if let host = registry.host(target.id) { target = host }
        guard let entry = registry.protections.first(where: { $0.id == id }) else {
            throw OrchestratorError(
                .notFound, "The vault no longer has the protection of \(guest).",
                remedy: "“bascule audit” tells who removed it; see what runs at \(source.name) and \(target.name).")
        }
        if let pair = registry.pair(of: entry), entry.sourceHost == source.id {
            networks = pair.networks
            fenceAction = pair.fenceAction
            policy = entry.policyOverride.isEmpty ? pair.policy : entry.policyOverride
        }
        if let guest = registry.guests.first(where: { $0.host == source.id && $0.uuid == entry.guestUUID }) {
            guestMemoryBytes = guest.memoryBytes
        }
        take(entry, run: run)
    }

    /// Takes over what the vault answered to a change.
    mutating func take(_ entry: ProtectionEntry, run: String) {
        generation = entry.generation
        version = entry.version
        isHolder = entry.run.lowercased() == run
        isReversed = entry.sourceHost == target.id
        activeSide = isReversed ? (entry.activeSide == .source ? .target : .source) : entry.activeSide
        state = entry.state
        failoverCycle = entry.failoverCycle
        guard isHolder else { return }
        switch activeSide {
        case .target:
            isActivated = true
        case .source where isActivated:
            isActivated = false
            owesSides = true
        case .source: break
        }
    }
}
