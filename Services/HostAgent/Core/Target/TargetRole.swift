import BlockDevice
import DeltaLog
import FoundationEssentials
package import Logging
import MessageBus
package import Replica
package import Sealing
import ServiceRuntime

import struct Messages.RemoteError

/// The target side of the agent: one replica per protection, each with at most one open cycle.
///
/// ```
///   OpenCycle ──► log in incoming/, token and key ──► transfers store records ──► CommitCycle ──► point
/// ```
///
/// Requests for one protection are carried out one after another; a replica's disk work runs on threads of the agent's
/// own, so a disk that stalls delays its own requests and no message.
package actor TargetRole {
    package struct CycleOrder: Sendable {
        package var identity: ReplicaIdentity
        package var opening: CycleOpening
        /// In force when the cycle was asked for; nil: what the last commit said stays.
        package var retention: ReplicaRetention?

        package init(identity: ReplicaIdentity, opening: CycleOpening, retention: ReplicaRetention? = nil) {
            self.identity = identity
            self.opening = opening
            self.retention = retention
        }
    }

    package struct OpenedCycle: Sendable {
        /// 16 bytes.
        package var token: [UInt8]
        package var cycleKey: SealingKey
        package var freeBytes: UInt64
        /// What the cycle has to bring besides what changed, by the position of its disk.
        package var mustCover: [UInt16: [Range<UInt64>]]
    }

    struct Entry {
        let replica: Replica
        var cycle = CycleStateMachine()
        /// As of the last commit or, when its cycle was refused for want of space, the last opening.
        var retention: ReplicaRetention?
        /// Why retention could not make room when it was applied last.
        var noRoom: ReplicaError?
        /// As it was told to people.
        var spoilt: SpoiltPoints?
    }

    let store: AgentStore
    let replicas: String
    let views: ViewSupervisor
    let space: SpaceReserve
    let logger: Logger
    let threads = BlockingThreads(name: "replica", threads: HostAgentLimits.replicaThreads)
    let background = BackgroundWork()
    let lock = KeyedLock()
    var entries: [String: Entry] = [:]
    /// Open cycles by their tokens.
    private var received: [[UInt8]: ReceivedCycle] = [:]
    private var bulk: BulkServer?

    package init(
        store: AgentStore, replicas: String, views: ViewSupervisor, space: SpaceReserve = SpaceReserve(), logger: Logger
    ) {
        self.store = store
        self.replicas = replicas
        self.views = views
        self.space = space
        self.logger = logger
    }

    /// The endpoint's handler needs the role and the role its endpoint; so it is told once, before the first request.
    func connect(_ server: BulkServer) { bulk = server }

    // MARK: Cycles

    package func open(_ order: CycleOrder) async throws -> OpenedCycle {
        let protection = order.protection
        return try await lock.withLock(protection) {
            let replica = try await openOrCreate(order)
            try await admit(order.opening.generation, protection)
            let opening = order.opening
            let parent = opening.parentCycle == 0 ? nil : opening.parentCycle
            switch try machine(of: protection).open(
                cycle: opening.cycle, parent: parent, generation: opening.generation)
            {
            case .answerAgain(let current):
                guard let cycle = received[current.token] else { preconditionFailure("an open cycle is received") }
                return try answer(cycle)
            case .open(let discarding):
                if let discarding { try await discard(discarding, protection) }
                takeUpSettling(of: replica, protection)
                let open = try await withRoom(for: order) {
                    try await run(protection) { [space] in try space.check(replica.directory) }
                    try await noticeStrangers(of: protection, in: replica)
                    return try await run(protection) { try replica.openCycle(opening) }
                }
                let token = try SecureRandom.bytes(16)
                entries[protection]?.cycle.opened(
                    CycleStateMachine.Opening(
                        cycle: opening.cycle, parent: parent, generation: opening.generation, token: token))
                let cycle = ReceivedCycle(
                    protection: protection, token: token, replica: replica, open: open, space: space)
                received[token] = cycle
                logger.info(
                    "cycle opened", metadata: ["protection": "\(protection)", "cycle": "\(opening.cycle)"])
                return try answer(cycle)
            }
        }
    }

    package func commit(
        protection: String, cycle: UInt64, generation: UInt64, jobs: [CycleStateMachine.StoredJob],
        retention: ReplicaRetention?
    ) async throws -> ReplicaPoint {
        try await lock.withLock(protection) {
            let replica = try await existing(protection)
            try await admit(generation, protection)
            // Asked again after it happened.
            if let point = replica.point(of: cycle) { return point }
            guard let token = try machine(of: protection).opening?.token else {
                throw HostAgentError(
                    .failedPrecondition, "Cycle \(cycle) is not open at the target.",
                    remedy: "Abort the cycle; the next one starts from the last committed point.",
                    facts: ["cycle": "\(cycle)"])
            }
            guard let attempts = try entries[protection]?.cycle.commit(cycle: cycle, jobs: jobs) else {
                preconditionFailure("it was looked up before")
            }
            do {
                await endTransfers(token)
                let point = try await run(protection) {
                    try replica.commit(cycle: cycle, generation: generation, attempts: attempts)
                }
                entries[protection]?.cycle.committed()
                tellSpoilt(protection)
                if let retention {
                    entries[protection]?.retention = retention
                    background.retain(protection)
                }
                logger.info(
                    "cycle committed",
                    metadata: [
                        "protection": "\(protection)", "cycle": "\(cycle)", "storedBytes": "\(point.storedBytes)",
                    ])
                return point
            } catch {
                entries[protection]?.cycle.commitFailed()
                tellSpoilt(protection)
                throw error
            }
        }
    }

    package func abort(protection: String, cycle: UInt64, generation: UInt64) async throws {
        try await lock.withLock(protection) {
            guard try await find(protection) != nil else { return }
            try await admit(generation, protection)
            guard let replica = entries[protection]?.replica else { return }
            if let opening = try entries[protection]?.cycle.abort(cycle: cycle) { await endTransfers(opening.token) }
            try await run(protection) { try replica.abort(cycle: cycle, generation: generation) }
            logger.info("cycle aborted", metadata: ["protection": "\(protection)", "cycle": "\(cycle)"])
        }
    }

    // MARK: Transfers

    /// A worker says hello.
    func begin(token: [UInt8], job: [UInt8], attempt: UInt32) throws -> ReceivedCycle {
        guard let cycle = received[token], entries[cycle.protection] != nil else {
            throw HostAgentError(
                .notFound, "The transfer token is of no open cycle.",
                remedy: "Throw the work away; the cycle was aborted or committed.")
        }
        try entries[cycle.protection]?.cycle.begin(token: token, job: job, attempt: attempt)
        return cycle
    }

    func finished(_ cycle: ReceivedCycle, attempt: UInt32, summary: AttemptSummary) throws {
        guard received[cycle.token] != nil else {
            throw HostAgentError(
                .notFound, "The cycle is no longer open.",
                remedy: "Throw the work away; the cycle was aborted or committed.")
        }
        try entries[cycle.protection]?.cycle.finish(
            token: cycle.token, attempt: attempt, digest: summary.digest, storedBytes: summary.storedBytes)
    }

    func discard(_ cycle: ReceivedCycle, attempt: UInt32) async {
        entries[cycle.protection]?.cycle.discard(token: cycle.token, attempt: attempt)
        do {
            try await threads.run { try cycle.writer.abandonAttempt(attempt) }
        } catch {
            // The log is gone already, and the attempt with it.
            logger.debug("attempt not abandoned", metadata: ["attempt": "\(attempt)", "error": "\(error)"])
        }
    }

    /// The cycle's log can not be completed: it is removed at once, and every transfer of it is refused from now on.
    /// Called from a transfer, so it waits for no other: they see the end by themselves with their next record.
    func spoil(_ cycle: ReceivedCycle, because error: RemoteError) async {
        guard case .receiving(let opening, _)? = entries[cycle.protection]?.cycle.phase, opening.token == cycle.token
        else { return }
        logger.error(
            "cycle spoiled",
            metadata: ["protection": "\(cycle.protection)", "cycle": "\(opening.cycle)", "error": "\(error)"])
        received[cycle.token] = nil
        do {
            _ = try entries[cycle.protection]?.cycle.abort(cycle: opening.cycle)
            try await threads.run { try cycle.replica.abort(cycle: opening.cycle, generation: opening.generation) }
            background.retain(cycle.protection)
        } catch {
            logger.error("spoiled cycle not removed", metadata: ["error": "\(error)"])
        }
    }

    // MARK: Pieces

    /// Before a cycle and not only while a large one arrives, because many small ones fill a disk just as well. What may
    /// be folded by now gives space back, so that is tried at once; it may use the reserve. As the order says and not
    /// the last commit, because on a full disk there is none any more, and shortening retention has to help.
    private func withRoom(
        for order: CycleOrder, open: () async throws -> ReplicaOpenCycle
    ) async throws -> ReplicaOpenCycle {
        do {
            return try await open()
        } catch  where saysThatSpaceIsShort(error) {
            if let retention = order.retention { entries[order.protection]?.retention = retention }
            background.retain(order.protection)
            guard let noRoom = entries[order.protection]?.noRoom else { throw error }
            throw HostAgentError(
                .resourceExhausted,
                "The file system of the replicas runs full, and retention cannot make room: "
                    + "\(noRoom.message).",
                remedy: noRoom.remedy, facts: noRoom.facts)
        }
    }

    private func saysThatSpaceIsShort(_ error: any Error) -> Bool {
        switch error {
        case let error as HostAgentError: error.code == .resourceExhausted
        case let error as ReplicaError: error.code == .spaceExhausted
        default: false
        }
    }

    /// A newer generation ends what an older one had open; an older one is refused.
    func admit(_ generation: UInt64, _ protection: String) async throws {
        guard generation > 0 else {
            throw HostAgentError(
                .invalidArgument, "The command carries no generation.",
                remedy: "Put the protection's generation into the envelope.")
        }
        guard let replica = entries[protection]?.replica else { preconditionFailure("it was looked up before") }
        try await run(protection) { try replica.admit(generation: generation) }
        if let opening = entries[protection]?.cycle.opening, opening.generation < generation {
            try await discard(opening, protection)
        }
    }

    func discard(_ opening: CycleStateMachine.Opening, _ protection: String) async throws {
        _ = try entries[protection]?.cycle.abort(cycle: opening.cycle)
        await endTransfers(opening.token)
    }

    /// Afterwards no record of the opening can arrive.
    func endTransfers(_ token: [UInt8]) async {
        received[token] = nil
        await bulk?.end(token: token)
    }

    private func answer(_ cycle: ReceivedCycle) throws -> OpenedCycle {
        OpenedCycle(
            token: cycle.token, cycleKey: cycle.writer.cycleKey,
            freeBytes: try FileSystemSpace(of: cycle.replica.directory).freeBytes, mustCover: cycle.open.mustCover)
    }

    private func machine(of protection: String) throws -> CycleStateMachine {
        guard let entry = entries[protection] else { preconditionFailure("it was looked up before") }
        return entry.cycle
    }
}

extension TargetRole.CycleOrder {
    /// In the form that paths and names use.
    var protection: String { identity.protection.uuidString.lowercased() }
}
