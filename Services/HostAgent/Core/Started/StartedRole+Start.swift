import BlockDevice
import DeltaLog
import FoundationEssentials
import Hypervisor
import Logging
import Replica

/// Starting a guest from a view of a point, and ending it with every trace.
extension StartedRole {
    /// - Parameter arrival: when the request came, which is what the time to the first instruction is counted from.
    func start(
        _ protection: String, _ order: StartedReplica.Order, networks: [ReplicaGuestRequest.Network],
        arrival: ContinuousClock.Instant
    ) async throws -> StartedGuest {
        try await lock.withLock(protection) {
            if order.onBase { return try await startOnBase(protection, order, arrival: arrival) }
            var known = try started(protection, order.purpose)
            let replica = try await admit(protection, order)
            if known == nil { known = try await unrecorded(protection, replica, upon: order) }
            switch try StartedReplica.start(order, upon: known) {
            case .answer(let guest):
                return guest
            case .goOn:
                guard let known else { preconditionFailure("what goes on is known") }
                return try await begin(
                    known, protection, replica, networks: networks, arrival: arrival, goesOn: true)
            case .removeThenBegin:
                guard let known else { preconditionFailure("what is removed is known") }
                try await remove(known, protection, replica)
                return try await begin(
                    try await fresh(protection, order, replica), protection, replica, networks: networks,
                    arrival: arrival)
            case .begin:
                return try await begin(
                    try await fresh(protection, order, replica), protection, replica, networks: networks,
                    arrival: arrival)
            }
        }
    }

    /// - Parameter verdict: of a test alone.
    func stop(
        _ protection: String, _ purpose: StartedReplica.Purpose, verdict: TestVerdict = .none, generation: UInt64
    ) async throws {
        try await lock.withLock(protection) {
            var known = try started(protection, purpose)
            if known == nil, purpose == .failover, try await store.startedOnBase(protection) != nil {
                throw HostAgentError(
                    .failedPrecondition, "The guest runs on its own disks, which no stop can take back.",
                    remedy: "Stop the guest instead, or fail over to the other side.")
            }
            if known == nil, purpose == .failover { known = try await unrecordedAndOff(protection) }
            switch try StartedReplica.stop(known) {
            case .nothing: return
            case .forgetIfOff:
                guard let known else { preconditionFailure("what is forgotten is known") }
                try await forgetIfOff(known, protection, generation: generation)
            case .remove:
                guard let known else { preconditionFailure("what is removed is known") }
                let replica = try await target.replica(
                    of: protection, generation: generation, raises: purpose == .failover)
                try await judge(known, protection, verdict)
                try reach(.stopJudged)
                try await remove(known, protection, replica)
                logger.notice("started replica removed", metadata: ["protection": "\(protection)"])
            }
        }
    }

    // MARK: Steps

    /// A test changes nothing, so any generation that is not outdated will do; a failover is told to the side and the
    /// manifest before anything is made.
    private func admit(_ protection: String, _ order: StartedReplica.Order) async throws -> Replica {
        switch order.purpose {
        case .test:
            return try await target.replica(of: protection, generation: order.generation, raises: false)
        case .failover:
            try await sides.requireStart(protection, generation: order.generation)
            let replica = try await target.replica(of: protection, generation: order.generation, raises: true)
            try await sides.activate(
                protection, guest: try replica.describe().guest.uuidString.lowercased(), generation: order.generation)
            return replica
        }
    }

    private func fresh(
        _ protection: String, _ order: StartedReplica.Order, _ replica: Replica
    ) async throws -> StartedReplica {
        let described = try replica.describe()
        try await threads.run { try replica.requireUnspoilt(order.cycle) }
        guard replica.point(of: order.cycle) != nil else { throw noPoint(order.cycle, replica) }
        switch order.purpose {
        case .test:
            return StartedReplica(
                order: order, guest: UUID().uuidString.lowercased(),
                guestName: "\(described.guestName)-test-\(protection.prefix(8))",
                viewSocket: viewSocket(of: protection, .test))
        case .failover:
            return StartedReplica(
                order: order, guest: described.guest.uuidString.lowercased(), guestName: described.guestName,
                viewSocket: viewSocket(of: protection, .failover))
        }
    }

    private func begin(
        _ begun: StartedReplica, _ protection: String, _ replica: Replica, networks: [ReplicaGuestRequest.Network],
        arrival: ContinuousClock.Instant, goesOn: Bool = false
    ) async throws -> StartedGuest {
        var begun = begun
        begun.phase = .starting
        try await keep(begun, of: protection)
        do {
            try reach(.startRecorded)
            let guest = try await make(begun, protection, replica, networks: networks)
            try reach(.startGuestRuns)
            let started = StartedGuest(
                uuid: guest.uuid, name: guest.name, cycle: begun.order.cycle,
                startMilliseconds: milliseconds(clock.now - arrival),
                runningUnixMilliseconds: guest.runningUnixMilliseconds, warnings: guest.warnings)
            begun.phase = .running(started)
            try await keep(begun, of: protection)
            // Its agent may have come before it was known that there is somebody to ask.
            answersAreDue.ring()
            logger.notice(
                "replica started",
                metadata: [
                    "protection": "\(protection)", "cycle": "\(begun.order.cycle)",
                    "milliseconds": "\(started.startMilliseconds)", "purpose": "\(begun.order.purpose)",
                ])
            return started
        } catch {
            // The agent ends: what was begun is recorded, and goes on when it is asked for again.
            if error is CancellationError || Task.isCancelled { throw error }
            if goesOn, await mayHaveRun(begun, protection) {
                logger.error(
                    "start not finished; its guest is left as it is",
                    metadata: ["protection": "\(protection)", "error": "\(error)"])
                throw error
            }
            try await takeBack(begun, protection, replica, because: error)
            if let gone = noPointAnyMore(begun, replica, error) { throw gone }
            throw error
        }
    }

    private func make(
        _ begun: StartedReplica, _ protection: String, _ replica: Replica, networks: [ReplicaGuestRequest.Network]
    ) async throws -> ReplicaGuest {
        let cycle = begun.order.cycle
        switch begun.order.purpose {
        case .test: break
        case .failover:
            try await threads.run { try replica.markRunning(from: cycle) }
            // The guest's own definition is here, too, when its own disks are the base; it is kept beside the manifest.
            if !(try replica.describe().adopted.isEmpty) {
                try await hypervisor.setAside(guest: begun.guest, for: directory(of: protection, .failover))
            }
        }
        try reach(.startMarked)
        // Held until the guest runs, so that the point is not retired before its view has a lease of its own.
        async let opened = threads.run { try replica.view(cycle: cycle) }
        try await views.ensure(view(of: begun, protection))
        let view = try await opened
        try reach(.startViewServed)
        return try await hypervisor.startReplicaGuest(request(begun, protection, view, networks))
    }

    private func request(
        _ begun: StartedReplica, _ protection: String, _ view: ReplicaView, _ networks: [ReplicaGuestRequest.Network]
    ) -> ReplicaGuestRequest {
        let identity: ReplicaGuestRequest.Identity
        let isTracked: Bool
        switch begun.order.purpose {
        case .test:
            identity = .test(uuid: begun.guest, name: begun.guestName)
            isTracked = false
        case .failover:
            identity = .same
            isTracked = true
        }
        return ReplicaGuestRequest(
            protection: protection, cycle: begun.order.cycle, definition: view.guest.definition,
            nvram: view.guest.nvram, identity: identity,
            disks: view.disks.map {
                ReplicaGuestRequest.Disk(
                    target: $0.target, viewSocket: begun.viewSocket, sizeBytes: $0.sizeBytes)
            },
            networks: networks, directory: directory(of: protection, begun.order.purpose), tracksChanges: isTracked)
    }

    /// After a failure. One that cannot be taken back stays recorded as being removed, and the next start or stop does.
    private func takeBack(
        _ begun: StartedReplica, _ protection: String, _ replica: Replica, because error: any Error
    ) async throws {
        logger.error("replica not started", metadata: ["protection": "\(protection)", "error": "\(error)"])
        do {
            try await remove(begun, protection, replica)
        } catch let leftover {
            logger.error(
                "started replica not removed", metadata: ["protection": "\(protection)", "error": "\(leftover)"])
        }
    }

    /// Guest first, because one that waits for its view is slow to end; the mark in the manifest last of what others
    /// see, because it keeps replication away from what the guest reads.
    func remove(_ known: StartedReplica, _ protection: String, _ replica: Replica) async throws {
        var known = known
        known.phase = .stopping
        try await keep(known, of: protection)
        try reach(.stopRecorded)
        try await hypervisor.removeReplicaGuest(
            uuid: known.guest, directory: directory(of: protection, known.order.purpose))
        try reach(.stopGuestRemoved)
        await views.end(socket: known.viewSocket)
        try reach(.stopViewEnded)
        switch known.order.purpose {
        case .test: break
        case .failover: try await threads.run { try replica.stopRunning() }
        }
        try reach(.stopUnmarked)
        try await drop(protection, known.order.purpose)
    }

    /// What was folded stays folded; a guest that runs is no longer a replica's. Disks that were handed over to it may
    /// hold what it wrote, so their point does not come back: the next cycle compares.
    private func forgetIfOff(_ known: StartedReplica, _ protection: String, generation: UInt64) async throws {
        let replica = try await target.replica(of: protection, generation: generation, raises: true)
        guard try await isOff(known.guest) else {
            throw HostAgentError(
                .failedPrecondition, "Guest \(known.guestName) runs on its own disks, which no stop can take back.",
                remedy: "Start it again to finish that, or stop the guest first.",
                facts: ["cycle": "\(known.order.cycle)"])
        }
        // The mark first, because without the record nobody would take it away.
        if replica.handedOverCycle != nil { try await threads.run { try replica.stopRunning() } }
        try reach(.stopUnmarked)
        try await drop(protection, known.order.purpose)
    }

    // MARK: Pieces

    private func noPoint(_ cycle: UInt64, _ replica: Replica) -> HostAgentError {
        let points = replica.points()
        return HostAgentError(
            .notFound, "The replica has no recovery point \(cycle).", remedy: "List its points and choose one.",
            facts: [
                "cycle": "\(cycle)", "points": "\(points.count)", "oldest": "\(points.first?.cycle ?? 0)",
                "newest": "\(points.last?.cycle ?? 0)",
            ])
    }

    /// A point that was there when the start began and is not any more: that is what went wrong.
    private func noPointAnyMore(
        _ begun: StartedReplica, _ replica: Replica, _ error: any Error
    ) -> HostAgentError? {
        guard replica.point(of: begun.order.cycle) == nil else { return nil }
        return HostAgentError(
            .notFound, "Recovery point \(begun.order.cycle) was retired while it was being started.",
            remedy: "Choose a newer point.", facts: ["cycle": "\(begun.order.cycle)"], cause: error)
    }

    func milliseconds(_ duration: Duration) -> UInt64 {
        UInt64(clamping: duration.components.seconds * 1_000 + duration.components.attoseconds / 1_000_000_000_000_000)
    }
}
