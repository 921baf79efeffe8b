import BlockDevice
import FoundationEssentials
import Hypervisor
import Logging
import Replica
import ServiceRuntime

/// Guests that are started from replicas of this host: for a test, or for good.
///
/// ```
///   StartReplica ──► recorded ──► marked in the manifest ──► view ──► guest, tracked from its first write
///   StopReplica  ──► the same way back
///   CommitReplica ──► journal folded to the point ──► guest seen off: overlays on the base images, view ended
///   AdoptDisks   ──► a guest's own disks become the base of a replica
/// ```
///
/// Each step is safe to repeat, and the record in the replica's directory says what was begun. A failure takes back what
/// was made; an agent that is killed goes on when it is asked again.
package actor StartedRole {
    struct Key: Hashable, Sendable {
        var protection: String
        var purpose: StartedReplica.Purpose
    }

    let settings: HostAgentSettings
    let target: TargetRole
    let source: SourceRole
    let sides: SideRole
    let views: GuestViews
    let hypervisor: any HypervisorDriver
    let store: AgentStore
    let logger: Logger
    let reach: StartedStepHook
    let records: StartedRecords
    let lock = KeyedLock()
    let work = ReplicaWork()
    let threads = BlockingThreads(name: "started", threads: HostAgentLimits.startedThreads)
    let clock = ContinuousClock()
    private var known: [Key: StartedReplica] = [:]
    /// Guests whose agents answered, by what they were started for: they are not asked again.
    var proven: [Key: String] = [:]
    /// Rings when a guest agent came or went, and now and then.
    let answersAreDue = Bell()
    /// Records that cannot be read, and why: nothing is done with those replicas.
    private var unreadable: [Key: HostAgentError] = [:]

    init(
        settings: HostAgentSettings, target: TargetRole, source: SourceRole, sides: SideRole, views: GuestViews,
        hypervisor: any HypervisorDriver, store: AgentStore, logger: Logger, reach: @escaping StartedStepHook
    ) {
        self.settings = settings
        self.target = target
        self.source = source
        self.sides = sides
        self.views = views
        self.hypervisor = hypervisor
        self.store = store
        self.logger = logger
        self.reach = reach
        records = StartedRecords(replicas: settings.replicas)
    }

    // MARK: At start

    /// Reads every record, and sees to it that guests that were started have their views. To be called before the first
    /// request.
    func recover() async {
        do {
            for protection in try ReplicaDirectories.list(in: settings.replicas) {
                for purpose in StartedReplica.Purpose.allCases {
                    await recover(Key(protection: protection, purpose: purpose))
                }
            }
        } catch {
            logger.error("started replicas not listed", metadata: ["error": "\(error)"])
        }
    }

    private func recover(_ key: Key) async {
        do {
            guard let started = try records.read(key.protection, key.purpose) else { return }
            known[key] = started
            if key.purpose == .failover, started.started != nil {
                // Whoever started it may have had another state directory.
                try await sides.activate(
                    key.protection, guest: started.guest, generation: started.order.generation)
            }
            if case .committing = started.phase { _ = try work.begin(.commit, key.protection) }
            if started.needsView { try await views.ensure(view(of: started, key.protection)) }
        } catch let error as HostAgentError where error.code == .corruptState {
            unreadable[key] = error
            logger.error(
                "started replica not known", metadata: ["protection": "\(key.protection)", "error": "\(error)"])
        } catch {
            logger.error(
                "view of a guest not served", metadata: ["protection": "\(key.protection)", "error": "\(error)"])
        }
    }

    // MARK: What is known

    func started(_ protection: String, _ purpose: StartedReplica.Purpose) throws -> StartedReplica? {
        let key = Key(protection: protection, purpose: purpose)
        if let error = unreadable[key] { throw error }
        return known[key]
    }

    /// As reports and descriptions tell it: the guest that runs for good, from a replica or on its own disks.
    func failover(of protection: String) async throws -> StartedGuest? {
        if let guest = known[Key(protection: protection, purpose: .failover)]?.started { return guest }
        guard let onBase = try await store.startedOnBase(protection) else { return nil }
        guard let side = await sides.side(of: protection), side.isActive, side.generation == onBase.generation else {
            return nil
        }
        return onBase.guest
    }

    /// The same of every protection, by protection.
    func failovers() async throws -> [String: StartedGuest] {
        // Before the database is asked, because a guest that goes over to its own disks meanwhile is then in both.
        let fromReplicas = known.filter { $0.key.purpose == .failover }.compactMap { key, state in
            state.started.map { (key.protection, $0) }
        }
        let onBase = try await store.everyStartedOnBase()
        let sides = await sides.all
        let onOwnDisks = onBase.filter { started in
            sides[started.protection].map { $0.isActive && $0.generation == started.generation } ?? false
        }
        return Dictionary(onOwnDisks.map { ($0.protection, $0.guest) } + fromReplicas) { _, fromReplica in fromReplica }
    }

    var count: Int { known.count }

    /// Guests that run from a view and did not answer yet. One on base images proves no point: what it runs on was
    /// handed over to it.
    var unproven: [Candidate] {
        known.compactMap { key, started in
            guard started.needsView, let guest = started.started, proven[key] != guest.uuid else { return nil }
            return Candidate(key: key, guest: guest.uuid, cycle: guest.cycle)
        }
    }

    func isUnproven(_ candidate: Candidate) -> Bool {
        unproven.contains { $0.key == candidate.key && $0.guest == candidate.guest && $0.cycle == candidate.cycle }
    }

    /// - Parameter guest: nil stands for every guest.
    func committedProtections(of guest: String?) -> [String] {
        known.compactMap { key, started in
            guard case .committed = started.phase, guest == nil || started.guest == guest else { return nil }
            return key.protection
        }
    }

    // MARK: Requests of others that started replicas stand in the way of

    /// Removing the replica would take the disks of a guest away.
    func delete(_ protection: String, generation: UInt64) async throws {
        try await lock.withLock(protection) {
            for purpose in StartedReplica.Purpose.allCases {
                guard let started = try started(protection, purpose) else { continue }
                if try await isOvertaken(started, protection) {
                    let replica = try await target.replica(of: protection, generation: generation, raises: true)
                    try await remove(started, protection, replica)
                    continue
                }
                throw HostAgentError(
                    .failedPrecondition,
                    "Guest \(started.guestName) runs from this replica (\(started.phase.name)), so it cannot be removed.",
                    remedy: purpose == .test
                        ? "Clean the test up first."
                        : "Fail the guest back first. Where the other side is the active one, shut this guest down: what it "
                            + "wrote goes with the replica.",
                    facts: ["purpose": purpose.rawValue, "phase": started.phase.name])
            }
            guard !work.isUnderWay(protection) else {
                throw HostAgentError(
                    .unavailable, "The replica is being folded.", remedy: "Ask again when that has ended.")
            }
            try await target.delete(protection, generation: generation)
            try await store.removeStartedOnBase(protection)
        }
    }

    /// Its first checkpoint is what the way back begins from, as long as the point may still be changed. And a test that
    /// outlived its protection could not be cleaned up any more.
    func requireReleasable(_ protection: String) async throws {
        if let test = try started(protection, .test) {
            throw HostAgentError(
                .failedPrecondition, "The test guest \(test.guestName) is still here (\(test.phase.name)).",
                remedy: "Clean the test up first.", facts: ["phase": test.phase.name])
        }
        guard let started = try started(protection, .failover) else { return }
        switch started.phase {
        case .committed, .plain: return
        case .starting, .running, .committing, .returning, .stopping:
            if try await isOvertaken(started, protection) { return }
            throw HostAgentError(
                .failedPrecondition,
                "Guest \(started.guestName) runs from a replica whose point is not committed yet.",
                remedy: "Commit or cancel the failover first.", facts: ["phase": started.phase.name])
        }
    }

    /// A guest that was started here under a generation that is over, and is off: `bascule recover` started it while a
    /// failover was being taken back, and the other side is the active one. No run knows of it any more.
    private func isOvertaken(_ started: StartedReplica, _ protection: String) async throws -> Bool {
        guard started.order.purpose == .failover, let side = await sides.side(of: protection), !side.isActive,
            side.generation > started.order.generation
        else { return false }
        return try await isOff(started.guest)
    }

    // MARK: Pieces

    func key(_ protection: String, _ purpose: StartedReplica.Purpose) -> Key {
        Key(protection: protection, purpose: purpose)
    }

    /// Durable before it is acted upon.
    func keep(_ started: StartedReplica, of protection: String) async throws {
        let records = records
        try await threads.run { try records.write(started, of: protection) }
        known[key(protection, started.order.purpose)] = started
    }

    func drop(_ protection: String, _ purpose: StartedReplica.Purpose) async throws {
        let records = records
        try await threads.run { try records.remove(protection, purpose) }
        forget(protection, purpose)
    }

    /// Forgets what was in a directory that is gone.
    func forget(_ protection: String, _ purpose: StartedReplica.Purpose) {
        known[key(protection, purpose)] = nil
        proven[key(protection, purpose)] = nil
    }

    func directory(of protection: String, _ purpose: StartedReplica.Purpose) -> String {
        records.directory(of: protection, purpose)
    }

    func view(of started: StartedReplica, _ protection: String) -> GuestViews.View {
        GuestViews.View(
            protection: protection, replica: settings.replicaDirectory(of: protection), cycle: started.order.cycle,
            socket: started.viewSocket)
    }

    /// Whether the guest is known to be off; a guest that is not defined is.
    func isOff(_ guest: String) async throws -> Bool {
        do {
            return !(try await hypervisor.describe(guest: guest)).power.hasProcess
        } catch let error as HypervisorError where error.code == .guestNotFound {
            return true
        }
    }
}
