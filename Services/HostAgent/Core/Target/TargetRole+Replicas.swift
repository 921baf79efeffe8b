import BlockDevice
import DeltaLog
import FoundationEssentials
import Logging
import Replica

/// Finding, making and removing replicas.
extension TargetRole {
    /// Opens every replica there is, which clears what an earlier run left behind in it. One that cannot be opened is
    /// logged, and answers its requests with the reason.
    package func recover() async {
        do {
            let found = try await threads.run { [replicas] in try ReplicaDirectories.list(in: replicas) }
            for protection in found {
                do {
                    try await lock.withLock(protection) { _ = try await find(protection) }
                } catch {
                    logger.error("replica not opened", metadata: ["protection": "\(protection)", "error": "\(error)"])
                }
            }
        } catch {
            logger.error("replicas not listed", metadata: ["directory": "\(replicas)", "error": "\(error)"])
        }
    }

    package func describe(_ protection: String) async throws -> ReplicaSummary {
        try await lock.withLock(protection) {
            let replica = try await existing(protection)
            try await noticeStrangers(of: protection, in: replica)
            return try await run(protection) { try replica.describe() }
        }
    }

    /// Oldest first.
    package func points(of protection: String) async throws -> [ReplicaPoint] {
        try await lock.withLock(protection) {
            let replica = try await existing(protection)
            try await noticeStrangers(of: protection, in: replica)
            return replica.points()
        }
    }

    /// Removes the replica with its views. Safe to repeat.
    package func delete(_ protection: String, generation: UInt64) async throws {
        try await lock.withLock(protection) {
            let retired = try await store.retiredGeneration(of: protection)
            guard generation >= retired else { throw HostAgentError.staleGeneration(generation, seen: retired) }
            guard let replica = try await find(protection) else { return }
            try await admit(generation, protection)
            if let opening = entries[protection]?.cycle.opening { try await discard(opening, protection) }
            await views.close(of: protection)
            // Before anything is removed, because a late command of an older generation must not make it again.
            try await store.retire(protection: protection, generation: generation)
            background.forget(protection)
            try await threads.run { try replica.delete() }
            entries[protection] = nil
            logger.notice("replica deleted", metadata: ["protection": "\(protection)"])
        }
    }

    package func stop() {
        for entry in entries.values { entry.replica.close() }
        entries = [:]

    }

    /// The newest generation that the replica has seen; nil when there is none.
    ///
    /// - Throws: `ReplicaError` when there is one that cannot be opened, which is not the same as none.
    package func generation(of protection: String) async throws -> UInt64? {
        // One that is open answers at once, whatever is done with it meanwhile.
        if let entry = entries[protection] { return entry.replica.generation }
        return try await lock.withLock(protection) { try await find(protection)?.generation }
    }

    /// Of every replica that is open, the newest generation that it has seen.
    package var generations: [String: UInt64] { entries.mapValues { $0.replica.generation } }

    package var openCycles: Int { entries.values.count { $0.cycle.opening != nil } }

    // MARK: Pieces

    func directory(of protection: String) -> String { "\(replicas)/\(protection)" }

    /// Nil when there is none. To be called with the protection's lock.
    func find(_ protection: String) async throws -> Replica? {
        if let entry = entries[protection] { return entry.replica }
        let directory = directory(of: protection)
        let opened = try await threads.run { () -> Replica? in
            guard Replica.exists(in: directory) else { return nil }
            return try Replica.open(directory: directory)
        }
        if let opened {
            entries[protection] = Entry(replica: opened)
            tellSpoilt(protection)
            takeUpSettling(of: opened, protection)
        }
        return opened
    }

    func existing(_ protection: String) async throws -> Replica {
        guard let replica = try await find(protection) else {
            throw HostAgentError(
                .notFound, "This host holds no replica of protection \(protection).",
                remedy: "Ask the host that the protection names as its target.", facts: ["protection": protection])
        }
        return replica
    }

    func openOrCreate(_ order: CycleOrder) async throws -> Replica {
        if let replica = try await find(order.protection) { return replica }
        let generation = order.opening.generation
        let retired = try await store.retiredGeneration(of: order.protection)
        guard generation >= retired, generation > 0 else {
            throw HostAgentError.staleGeneration(generation, seen: retired)
        }
        guard order.opening.parentCycle == 0 else {
            throw HostAgentError(
                .wrongParent,
                "This host holds no replica of the protection, so nothing can follow cycle "
                    + "\(order.opening.parentCycle).",
                remedy: "Begin with a full cycle.",
                facts: ["parent": "\(order.opening.parentCycle)", "held": "0"])
        }
        guard entries.count < HostAgentLimits.replicasMaximum else {
            throw HostAgentError(
                .resourceExhausted, "This host holds as many replicas as are allowed.",
                remedy: "Use another target host.", facts: ["replicas": "\(entries.count)"])
        }
        let directory = directory(of: order.protection)
        let identity = order.identity
        let replica = try await threads.run {
            try Replica.create(directory: directory, identity: identity, generation: generation)
        }
        entries[order.protection] = Entry(replica: replica)
        return replica
    }

    /// Runs disk work of one replica. When it left unknown what is on stable storage the replica is closed, and opened
    /// again by the next request.
    func run<Result: Sendable>(
        _ protection: String, _ body: @escaping @Sendable () throws -> Result
    ) async throws -> Result {
        do {
            return try await threads.run(body)
        } catch let error as ReplicaError where error.code == .needsReopen {
            if let entry = entries.removeValue(forKey: protection) {
                if let opening = entry.cycle.opening { await endTransfers(opening.token) }
                entry.replica.close()
            }
            throw error
        }
    }
}
