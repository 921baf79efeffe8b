import BlockDevice
import DeltaLog
import FoundationEssentials
import Hypervisor
import Logging
import Replica

/// Making the disks of this host's guest the base of a replica, in place.
///
/// A guest that was started from a replica here leaves an ordinary replica again: its overlays go into the base images.
/// Any other guest's images become the base where they are, and its definition is kept beside the manifest.
extension StartedRole {
    struct AdoptionOrder: Sendable {
        var guest: String
        var generation: UInt64
        var cycle: UInt64
        var isDiverged: Bool
        var keepsDiverged: Bool
    }

    func adopt(_ protection: String, _ order: AdoptionOrder) async throws {
        try await lock.withLock(protection) {
            try await sides.requirePassive(protection, generation: order.generation)
            let described = try await describe(order.guest)
            guard described.map({ !$0.power.hasProcess }) ?? true else {
                throw HostAgentError(
                    .failedPrecondition, "The guest runs, so its disks cannot be adopted.",
                    remedy: "Stop the guest first.", facts: ["rule": "guest-runs", "guest": order.guest])
            }
            if let unfinished = described?.findings.first(where: \.rule.forbidsHandingOver) {
                throw HostAgentError(
                    .failedPrecondition, unfinished.message, remedy: unfinished.remedy,
                    facts: ["rule": unfinished.rule.rawValue, "guest": order.guest])
            }
            let known = try started(protection, .failover)
            if let known, !known.order.onBase {
                try await takeIn(known, protection, order, described)
            } else if try await target.exists(protection), !(try await letGo(protection, order, known)) {
                try await requireAdopted(protection, order)
                // A start on these disks that was not finished is over: the guest is off, and not to run here.
                if known != nil { try await forget(onBase: protection) }
            } else {
                try await adoptOwn(protection, order, described)
            }
            try await store.removeStartedOnBase(protection)
        }
    }

    /// It was done before, or something else is in its place.
    private func requireAdopted(_ protection: String, _ order: AdoptionOrder) async throws {
        let replica = try await target.replica(of: protection, generation: order.generation, raises: true)
        let held = try replica.describe()
        // Disks that were adopted as exactly the point serve whoever would have been content with more than it.
        guard held.baseCycle == order.cycle, order.isDiverged || !held.isDiverged else {
            throw HostAgentError(
                .conflict, "This host holds another replica of the protection.",
                remedy: "Delete it when it is not needed, and adopt the disks again.",
                facts: ["base": "\(held.baseCycle)", "newest": "\(held.newestCycle)", "cycle": "\(order.cycle)"])
        }
    }

    /// Disks that were adopted for one point and then, before anything came, are wanted for another one: the point was
    /// changed at the other side meanwhile. They are adopted anew.
    private func letGo(
        _ protection: String, _ order: AdoptionOrder, _ known: StartedReplica?
    ) async throws -> Bool {
        guard order.isDiverged, known == nil else { return false }
        let replica = try await target.replica(of: protection, generation: order.generation, raises: true)
        guard try replica.describe().baseCycle != order.cycle else { return false }
        return try await target.releaseUntouched(protection)
    }

    private func forget(onBase protection: String) async throws {
        let replica = try await target.replica(of: protection)
        if replica.handedOverCycle != nil { try await threads.run { try replica.stopRunning() } }
        try await drop(protection, .failover)
    }

    // MARK: A guest's own disks

    private func adoptOwn(
        _ protection: String, _ order: AdoptionOrder, _ described: GuestDescription?
    ) async throws {
        guard let described else {
            throw HypervisorError(
                .guestNotFound, "There is no guest \(order.guest) on this host, so it has no disks to adopt.")
        }
        let images = try adoptable(described)
        try await requireUntouched(protection, order, described)
        // From here on it is ourselves who change the images.
        if !order.isDiverged { try await store.removeStoppedImages(protection) }
        // Before the images are touched by anything of ours.
        let divergence = try await divergence(protection, order)
        let keeps = order.isDiverged && order.keepsDiverged
        if keeps {
            let isKept = try await isKept(protection, described)
            let snapshot = DivergedSnapshot(protection: protection, generation: order.generation)
            try await threads.run { try snapshot.keep(images, isKept: isKept) }
            try await store.save(kept: StoppedImages(of: described), of: protection)
        }
        try reach(.adoptKept)
        try await source.release(protection: protection, guest: order.guest, generation: order.generation)
        try reach(.adoptSourceReleased)
        try await hypervisor.stripBitmaps(protection: protection, guest: order.guest, images: images.map(\.path))
        // It was ourselves who changed the images.
        if keeps { try await store.save(kept: StoppedImages(of: described), of: protection) }
        try reach(.adoptStripped)
        let records = records
        try await threads.run { try records.keep(definition: described.definition, of: protection) }
        guard let identifier = UUID(uuidString: protection), let guest = UUID(uuidString: order.guest) else {
            preconditionFailure("both were checked to be UUIDs")
        }
        let adoption = try Adoption(order, described, variables: await hypervisor.firmware(of: order.guest))
        try await target.adopt(
            ReplicaIdentity(protection: identifier, guest: guest, guestName: described.name),
            generation: order.generation, point: try adoption.point(), guest: adoption.configuration, images: images,
            divergence: divergence)
        try reach(.adoptMade)
        logger.notice(
            "disks adopted",
            metadata: [
                "protection": "\(protection)", "cycle": "\(order.cycle)", "diverged": "\(order.isDiverged)",
                "kept": "\(keeps ? DivergedSnapshot(protection: protection, generation: order.generation).name : "")",
                "differs": "\(divergence)",
            ])
    }

    /// Whether the images look as they did when what they hold had been kept: nobody wrote to them since.
    private func isKept(_ protection: String, _ described: GuestDescription?) async throws -> Bool {
        guard let described, let kept = try await store.keptImages(protection) else { return false }
        return StoppedImages(of: described) == kept
    }

    /// Disks that are adopted as exactly a point hold that and nothing else. A guest that was started once more after its
    /// last changes were fetched (with its host, or by hand) has written what nobody else has.
    private func requireUntouched(
        _ protection: String, _ order: AdoptionOrder, _ described: GuestDescription?
    ) async throws {
        guard !order.isDiverged, let described else { return }
        let changed = try await changedSinceStop(described, of: protection)
        guard changed.isEmpty else {
            throw HostAgentError(
                .failedPrecondition,
                "Guest \(described.name) ran again after it was stopped, so its disks hold more than point \(order.cycle).",
                remedy: "Abandon the run, look at what the guest wrote, and reverse, which overwrites it; or cancel.",
                facts: ["rule": "ran-again", "images": changed.joined(separator: ", "), "cycle": "\(order.cycle)"])
        }
    }

    /// What the guest wrote after the point that the other side was started from, as far as its bitmaps tell it. Where
    /// they do not, the first cycle compares, and its reason is this one.
    private func divergence(_ protection: String, _ order: AdoptionOrder) async throws -> Divergence {
        guard order.isDiverged else { return .within([:]) }
        do {
            return .within(
                try await hypervisor.written(by: order.guest, of: protection, since: order.cycle))
        } catch let error as HypervisorError {
            logger.notice(
                "what the guest wrote is not known, so its disks are compared",
                metadata: ["protection": "\(protection)", "reason": "\(error)"])
            return .anywhere(because: String(error.message.prefix(HostAgentLimits.reasonCharactersMaximum)))
        }
    }

    private func adoptable(_ guest: GuestDescription) throws -> [AdoptedImage] {
        try guest.disks.map { disk in
            guard let format = AdoptedImage.Format(driver: disk.format), disk.source.hasPrefix("/") else {
                throw HostAgentError(
                    .failedPrecondition, "Disk \(disk.target) cannot be adopted: it is no qcow2 or raw file.",
                    remedy: "Unprotect the guest and protect it afresh.",
                    facts: ["disk": disk.target, "format": disk.format, "source": disk.source])
            }
            return AdoptedImage(target: disk.target, path: disk.source, format: format, sizeBytes: disk.sizeBytes)
        }
    }

    // MARK: A guest that ran from a replica

    private func takeIn(
        _ known: StartedReplica, _ protection: String, _ order: AdoptionOrder, _ described: GuestDescription?
    ) async throws {
        let replica = try await target.replica(of: protection, generation: order.generation, raises: true)
        let variables = described == nil ? [] : try await hypervisor.firmware(of: order.guest)
        let asked = try Adoption(order, described, variables: variables)
        let (guest, adoption) = try StartedReplica.adopt(known, asked)
        var known = known
        if known.phase != .returning(guest, adoption) {
            try await requireUntouched(protection, order, described)
            let isKept = try await isKept(protection, described)
            known = try await settle(known, protection, replica)
            if order.isDiverged, order.keepsDiverged {
                try await keepDiverged(protection, order, described, isKept: isKept)
            }
            try await changingImages(of: order.guest, protection) { [source] in
                try await source.release(protection: protection, guest: order.guest, generation: order.generation)
            }
            known.phase = .returning(guest, adoption)
            try await keep(known, of: protection)
        }
        try await store.removeStoppedImages(protection)
        try reach(.returnSettled)
        try await absorb(adoption, replica)
        try reach(.returnAbsorbed)
        try await hypervisor.removeReplicaGuest(uuid: known.guest, directory: directory(of: protection, .failover))
        try reach(.returnGuestRemoved)
        try await threads.run { try replica.stopRunning() }
        try await drop(protection, .failover)
        logger.notice(
            "what the guest wrote was taken into the replica",
            metadata: ["protection": "\(protection)", "cycle": "\(order.cycle)"])
    }

    /// Commits first, when that was not done, and puts the overlays on the base images.
    private func settle(
        _ known: StartedReplica, _ protection: String, _ replica: Replica
    ) async throws -> StartedReplica {
        let cycle = known.order.cycle
        guard !work.isUnderWay(protection) else {
            throw HostAgentError(
                .unavailable, "The replica is being folded.", remedy: "Ask again when that has ended.")
        }
        try await makingWay(for: known, protection, replica) {
            try await threads.run { try replica.settle(on: cycle) }
        }
        guard let guest = known.started else { preconditionFailure("it was started") }
        if case .plain = known.phase { return known }
        try await settleOnBase(known, protection)
        var plain = known
        plain.phase = .plain(guest)
        return plain
    }

    private func absorb(_ adoption: Adoption, _ replica: Replica) async throws {
        let point = try adoption.point()
        let guest = adoption.configuration
        try await threads.run { try replica.absorb(overlays: adoption.paths, point: point, guest: guest) }
    }

    /// The base is raw and knows no snapshots, so each disk is copied as it stands.
    private func keepDiverged(
        _ protection: String, _ order: AdoptionOrder, _ described: GuestDescription?, isKept: Bool
    ) async throws {
        guard let described else { return }
        let directory = "\(settings.replicas)/bascule-diverged-g\(order.generation)-\(protection)"
        let disks = described.disks.map { ($0.target, $0.source) }
        try await threads.run { try DivergedCopy(directory: directory).keep(disks, isKept: isKept) }
        try await store.save(kept: StoppedImages(of: described), of: protection)
        logger.notice("diverged disks kept", metadata: ["directory": "\(directory)"])
    }

    func describe(_ guest: String) async throws -> GuestDescription? {
        do {
            return try await hypervisor.describe(guest: guest)
        } catch let error as HypervisorError where error.code == .guestNotFound {
            return nil
        }
    }
}

extension Adoption {
    fileprivate init(
        _ order: StartedRole.AdoptionOrder, _ guest: GuestDescription?, variables: [UInt8]
    ) throws {
        try self.init(
            cycle: order.cycle, isDiverged: order.isDiverged,
            disks: (guest?.disks ?? []).map { Disk(target: $0.target, sizeBytes: $0.sizeBytes, path: $0.source) },
            definition: guest?.definition ?? "", variables: variables)
    }
}
