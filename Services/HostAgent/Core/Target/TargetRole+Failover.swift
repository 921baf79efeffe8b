import BlockDevice
import DeltaLog
import FoundationEssentials
import Logging
import Replica

/// What starting, committing and adopting need of a replica that this role owns.
extension TargetRole {
    /// The replica, admitted under a generation.
    /// - Parameter raises: whether a newer generation is remembered; a test changes nothing.
    func replica(of protection: String, generation: UInt64, raises: Bool) async throws -> Replica {
        try await lock.withLock(protection) {
            let replica = try await existing(protection)
            if raises {
                try await admit(generation, protection)
            } else {
                let seen = replica.generation
                guard generation >= seen else { throw HostAgentError.staleGeneration(generation, seen: seen) }
            }
            return replica
        }
    }

    func replica(of protection: String) async throws -> Replica {
        try await lock.withLock(protection) { try await existing(protection) }
    }

    /// Takes note that a generation was reached. A replica that cannot be opened cannot be recovered either.
    func remember(_ generation: UInt64, _ protection: String) async throws {
        try await lock.withLock(protection) {
            guard let replica = entries[protection]?.replica, replica.generation < generation else { return }
            try await admit(generation, protection)
        }
    }

    func exists(_ protection: String) async throws -> Bool {
        try await lock.withLock(protection) { try await find(protection) != nil }
    }

    /// Whose word there is that a guest from this point answered. Waits for nothing; a replica that is not open says
    /// nothing.
    func verification(of cycle: UInt64, _ protection: String) -> PointVerification? {
        entries[protection]?.replica.point(of: cycle)?.verification
    }

    /// Whether a replica's base is a guest's own disks, so that nobody else may write to them.
    func holdsAdopted(_ protection: String) async throws -> Bool {
        try await lock.withLock(protection) { try await !(find(protection)?.describe().adopted ?? []).isEmpty }
    }

    /// A replica whose base is a guest's own disks. What an interrupted adoption left is used.
    func adopt(
        _ identity: ReplicaIdentity, generation: UInt64, point: AdoptedPoint, guest: GuestConfiguration,
        images: [AdoptedImage], divergence: Divergence
    ) async throws {
        let protection = identity.protection.uuidString.lowercased()
        try await lock.withLock(protection) {
            let retired = try await store.retiredGeneration(of: protection)
            guard generation >= retired else { throw HostAgentError.staleGeneration(generation, seen: retired) }
            guard entries.count < HostAgentLimits.replicasMaximum else {
                throw HostAgentError(
                    .resourceExhausted, "This host holds as many replicas as are allowed.",
                    remedy: "Delete those that are not needed.", facts: ["replicas": "\(entries.count)"])
            }
            let directory = directory(of: protection)
            let replica = try await threads.run {
                try Replica.adopt(
                    directory: directory, identity: identity, generation: generation, point: point, guest: guest,
                    images: images, divergence: divergence)
            }
            entries[protection] = Entry(replica: replica)
        }
    }

    /// The directory goes, and the adopted images stay as the guest's own.
    func release(_ protection: String) async throws {
        try await lock.withLock(protection) {
            let replica = try await existing(protection)
            if let opening = entries[protection]?.cycle.opening { try await discard(opening, protection) }
            await views.close(of: protection)
            let generation = replica.generation
            try await store.retire(protection: protection, generation: generation)
            background.forget(protection)
            try await threads.run { try replica.release() }
            entries[protection] = nil
            logger.notice("replica released", metadata: ["protection": "\(protection)"])
        }
    }

    /// Lets go of adopted disks that nothing was replicated to. False: something was, or is being done with them.
    func releaseUntouched(_ protection: String) async throws -> Bool {
        let held = try await replica(of: protection).describe()
        guard !held.adopted.isEmpty, held.newestCycle == held.baseCycle, held.runningCycle == nil,
            held.settlingCycle == nil, !held.isAbsorbing
        else { return false }
        try await release(protection)
        return true
    }

    /// Where the base of a disk lies that was not adopted.
    nonisolated func baseImage(of protection: String, disk target: String) -> String {
        ReplicaLayout(directory: "\(replicas)/\(protection)").baseImage(of: target)
    }
}
