import BlockDevice
import DeltaLog
import FoundationEssentials
import Hypervisor
import Logging
import Replica

/// Starting a guest on its own disks, which were the base of a replica meanwhile: the end of a failback.
///
/// ```
///   recorded ──► folded ──► defined ──► paused, tracked ──► handed over ──► runs ──► noted ──► released
/// ```
///
/// The point that the guest is started on is listed until it is handed over, and never again: from there on the guest
/// writes to the very disks that it is read from. The replica's directory goes when the guest runs, so that it was done
/// is noted in the database before.
extension StartedRole {
    /// - Precondition: the caller has the protection's lock.
    func startOnBase(
        _ protection: String, _ order: StartedReplica.Order, arrival: ContinuousClock.Instant
    ) async throws -> StartedGuest {
        guard order.purpose == .failover else {
            throw HostAgentError(
                .invalidArgument, "A test is never started on the base.", remedy: "Start it from a view.")
        }
        if let done = try await store.startedOnBase(protection), done.generation >= order.generation {
            guard done.generation == order.generation, done.guest.cycle == order.cycle else {
                throw HostAgentError.staleGeneration(order.generation, seen: done.generation)
            }
            try await release(protection)
            await sides.look(at: protection, shuttingDown: false)
            return done.guest
        }
        try await sides.requireStart(protection, generation: order.generation)
        let known = try started(protection, .failover)
        let replica = try await target.replica(of: protection, generation: order.generation, raises: true)
        switch try StartedReplica.start(order, upon: known) {
        case .answer(let guest): return guest
        case .begin, .goOn: break
        case .removeThenBegin:
            guard let known else { preconditionFailure("what is removed is known") }
            try await remove(known, protection, replica)
        }
        return try await startOnBase(protection, order, replica, arrival: arrival)
    }

    private func startOnBase(
        _ protection: String, _ order: StartedReplica.Order, _ replica: Replica, arrival: ContinuousClock.Instant
    ) async throws -> StartedGuest {
        let described = try replica.describe()
        guard !described.adopted.isEmpty else {
            throw HostAgentError(
                .failedPrecondition, "The base of this replica is not a guest's own disks.",
                remedy: "Start it from a view of the point.", facts: ["rule": "not-adopted"])
        }
        try await threads.run { try replica.requireUnspoilt(order.cycle) }
        guard replica.point(of: order.cycle) != nil || replica.handedOverCycle == order.cycle else {
            throw HostAgentError(
                .notFound, "The replica has no recovery point \(order.cycle).",
                remedy: "List its points and choose one.", facts: ["cycle": "\(order.cycle)"])
        }
        let guest = described.guest.uuidString.lowercased()
        try await sides.activate(protection, guest: guest, generation: order.generation)
        let begun = StartedReplica(order: order, guest: guest, guestName: described.guestName, viewSocket: "")
        try await keep(begun, of: protection)
        try reach(.baseRecorded)
        try await threads.run { try replica.settle(on: order.cycle) }
        try await keepAddedDisks(replica)
        try reach(.baseFolded)
        try await define(protection, guest: guest)
        // What its firmware kept at the other side comes home with the disks. Before it is handed over, because afterwards
        // the guest may have changed it.
        if let firmware = replica.baseGuest?.nvram, !firmware.isEmpty {
            try await hypervisor.setFirmware(firmware, of: guest)
        }
        try reach(.baseDefined)
        let own = try await hypervisor.describe(guest: guest)
        let missing = try await disksWithoutPlace(replica, own)
        let reach = reach
        // One that is on was paused by an attempt that was cut off, or is not ours to start.
        if !own.power.hasProcess { try await threads.run { try replica.expectStart(on: order.cycle) } }
        // Handed over before, it may have run and written: what its checkpoint knows of that must not be begun anew.
        let mayHaveRun = replica.handedOverCycle == order.cycle
        let running: ReplicaGuest
        do {
            running = try await hypervisor.startTracked(
                guest: guest, protection: protection, cycle: order.cycle, mayHaveRun: mayHaveRun
            ) {
                try replica.handOver(on: order.cycle)
                try reach(.baseHandedOver)
            }
        } catch {
            await startEnded(guest, protection, replica)
            throw error
        }
        try reach(.baseGuestRuns)
        let started = StartedGuest(
            uuid: running.uuid, name: running.name, cycle: order.cycle,
            startMilliseconds: milliseconds(clock.now - arrival),
            runningUnixMilliseconds: running.runningUnixMilliseconds, warnings: running.warnings + missing)
        try await store.save(
            AgentStore.StartedOnBase(protection: protection, generation: order.generation, guest: started))
        try reach(.baseNoted)
        try await release(protection)
        // Its disks are its own again, so it may start with the host again.
        await sides.look(at: protection, shuttingDown: false)
        logger.notice(
            "guest started on its own disks",
            metadata: [
                "protection": "\(protection)", "cycle": "\(order.cycle)",
                "milliseconds": "\(started.startMilliseconds)",
            ])
        return started
    }

    /// What QEMU wrote to the disks of a guest that executed nothing spoils nothing.
    private func startEnded(_ guest: String, _ protection: String, _ replica: Replica) async {
        do {
            let isOff = try await isOff(guest)
            try await threads.run { try replica.startEnded(guestIsOff: isOff) }
        } catch {
            logger.warning("disks not looked at", metadata: ["protection": "\(protection)", "error": "\(error)"])
        }
    }

    /// The replica's directory goes; the images are the guest's again.
    private func release(_ protection: String) async throws {
        guard try await target.exists(protection) else { return }
        try await target.release(protection)
        try reach(.baseReleased)
        forget(protection, .failover)
    }

    /// Disks that the guest got at the other side move beside its own.
    private func keepAddedDisks(_ replica: Replica) async throws {
        let described = try replica.describe()
        guard let first = described.adopted.first, let slash = first.path.lastIndex(of: "/") else { return }
        let own = Set(described.adopted.map(\.target))
        let name = described.guestName
        let paths = described.disks.filter { !own.contains($0.target) }.map { disk in
            (disk.target, "\(first.path[..<slash])/\(name)-\(disk.target).raw")
        }
        guard !paths.isEmpty else { return }
        try await threads.run { try replica.keepAddedDisks(at: Dictionary(uniqueKeysWithValues: paths)) }
    }

    /// Those that the guest's own definition does not name, so that it starts without them: a sentence for each.
    private func disksWithoutPlace(_ replica: Replica, _ guest: GuestDescription) async throws -> [String] {
        let named = Set(guest.disks.map(\.target))
        return try await threads.run { try replica.describe().adopted }.filter { !named.contains($0.target) }.map {
            image in
            "Disk \(image.target), which the guest got at the other side, is \(image.path) here, and the guest's "
                + "definition does not name it, so it starts without it. Convert it to qcow2 and attach it: what is "
                + "written to a raw disk cannot be replicated."
        }
    }

    /// The guest's own definition, as it was when its disks were adopted, unless the host still has it.
    private func define(_ protection: String, guest: String) async throws {
        do {
            _ = try await hypervisor.describe(guest: guest)
        } catch let error as HypervisorError where error.code == .guestNotFound {
            let own = try await threads.run { [records] in try records.definition(of: protection) }
            guard let own else {
                throw HostAgentError(
                    .failedPrecondition, "The guest's own definition is neither on this host nor beside its replica.",
                    remedy: "Define the guest, and start the replica again.", facts: ["guest": guest])
            }
            _ = try await hypervisor.define(xml: own)
        }
    }
}
