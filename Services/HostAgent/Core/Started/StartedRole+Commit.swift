import BlockDevice
import DeltaLog
import Hypervisor
import Logging
import Replica
import ServiceRuntime

/// What takes long: folding the journal for a commit, or ahead of a failback; and what waits for the guest: putting its
/// overlays on the base images once it is off.
extension StartedRole {
    func commit(_ protection: String, generation: UInt64) async throws -> ReplicaWork.Outcome {
        try await lock.withLock(protection) {
            let known = try started(protection, .failover)
            _ = try await target.replica(of: protection, generation: generation, raises: true)
            switch try StartedReplica.commit(known) {
            case .nothing:
                // The guest is committed a moment before the work has ended, and how it ended is still to be told.
                return work.ending(.commit, protection) ?? .finished(ReplicaWork.Progress())
            case .settle:
                guard var known, let guest = known.started else { preconditionFailure("it was looked up before") }
                // One that failed is told before another is begun, because whoever hears of it may give up: then the
                // point can still be changed, and nothing commits it when the agent is started again.
                switch work.ending(.commit, protection) {
                case .underWay(let progress)?: return .underWay(progress)
                case .failed(let error)?: return .failed(error)
                // Of an earlier start, because this guest would be committed.
                case .finished?, nil: break
                }
                known.phase = .committing(guest)
                try await keep(known, of: protection)
                try reach(.commitRecorded)
                return try work.begin(.commit, protection)
            }
        }
    }

    func prepare(_ protection: String, generation: UInt64) async throws -> ReplicaWork.Outcome {
        try await lock.withLock(protection) {
            let replica = try await target.replica(of: protection, generation: generation, raises: true)
            guard !(try replica.describe().adopted.isEmpty) else {
                throw HostAgentError(
                    .failedPrecondition, "The base of this replica is not a guest's own disks.",
                    remedy: "It is started from a view, which needs no preparation.", facts: ["rule": "not-adopted"])
            }
            if let known = try started(protection, .failover) {
                throw HostAgentError(
                    .failedPrecondition, "Guest \(known.guestName) runs from this replica.",
                    facts: ["phase": known.phase.name])
            }
            // Before the other side is shut down, because a comparison takes long.
            try await threads.run { try replica.requireUnspoilt(nil) }
            return try work.begin(.prepare, protection)
        }
    }

    // MARK: In the background

    /// Works until the signal is given.
    nonisolated func runBackground(until stop: StopSignal) async {
        let threads = BlockingThreads(name: "commit", threads: HostAgentLimits.commitThreads)
        await withDiscardingTaskGroup { group in
            group.addTask {
                await stop.wait()
                self.work.isDue.ring()
            }
            group.addTask {
                while !(await stop.sleep(for: HostAgentLimits.watchdogInterval)) { await self.views.tick() }
            }
            group.addTask { await self.markWhatAnswers(until: stop) }
            while !stop.isGiven, !Task.isCancelled {
                while let next = work.next() {
                    group.addTask { await self.carryOut(next.kind, next.protection, threads, stop) }
                }
                await work.isDue.wait()
            }
        }
    }

    private func carryOut(
        _ kind: ReplicaWork.Kind, _ protection: String, _ threads: BlockingThreads, _ stop: StopSignal
    ) async {
        do {
            let replica = try await target.replica(of: protection)
            let guest: StartedReplica? =
                switch kind {
                case .commit: try started(protection, .failover)
                case .prepare: nil
                }
            let point: UInt64? =
                switch kind {
                case .commit: guest?.order.cycle
                case .prepare: replica.points().last?.cycle
                }
            let work = work
            let total = try await makingWay(for: guest, protection, replica) {
                try await threads.run { () -> ReplicaWork.Progress in
                    var last = ReplicaWork.Progress()
                    guard let point else { return last }
                    let tell: (FoldProgress) throws -> Void = { progress in
                        guard !stop.isGiven else { throw CancellationError() }
                        last = ReplicaWork.Progress(doneBytes: progress.doneBytes, totalBytes: progress.totalBytes)
                        work.note(.underWay(last), of: protection)
                    }
                    switch kind {
                    case .commit: try replica.settle(on: point, progress: tell)
                    case .prepare: try replica.fold(upTo: point, progress: tell)
                    }
                    return last
                }
            }
            switch kind {
            case .commit: try await committed(protection)
            case .prepare: break
            }
            work.note(.finished(total), of: protection)
            logger.notice("replica folded", metadata: ["protection": "\(protection)", "for": "\(kind)"])
        } catch {
            await failed(kind, protection, because: error)
            work.note(.failed(error), of: protection)
            logger.error("replica not folded", metadata: ["protection": "\(protection)", "error": "\(error)"])
        }
    }

    /// A commit that could not even begin leaves the guest as it was, so that its point can still be changed.
    private func failed(_ kind: ReplicaWork.Kind, _ protection: String, because error: any Error) async {
        guard kind == .commit, !(error is CancellationError) else { return }
        do {
            try await lock.withLock(protection) {
                guard try await target.replica(of: protection).settlingCycle == nil,
                    var known = try started(protection, .failover), case .committing(let guest) = known.phase
                else { return }
                known.phase = .running(guest)
                try await keep(known, of: protection)
            }
        } catch {
            logger.error("commit not taken back", metadata: ["protection": "\(protection)", "error": "\(error)"])
        }
    }

    private func committed(_ protection: String) async throws {
        try reach(.commitSettled)
        try await lock.withLock(protection) {
            guard var known = try started(protection, .failover), case .committing(let guest) = known.phase else {
                return
            }
            known.phase = .committed(guest)
            try await keep(known, of: protection)
        }
        await settleIfOff(protection)
    }

    // MARK: The next cold start

    func guestChanged(_ change: GuestChange) async {
        switch change.kind {
        case .shutDown, .destroyed, .crashed:
            for protection in committedProtections(of: change.guest) { await settleIfOff(protection) }
        case .guestAgentChanged: answersAreDue.ring()
        case .defined, .undefined, .started, .paused, .resumed, .migrated, .devicesChanged, .captureLost: break
        }
    }

    /// At start, and now and then, because an event may be missed.
    func settleWhatIsOff() async {
        for protection in committedProtections(of: nil) { await settleIfOff(protection) }
    }

    /// Puts the overlays of a committed guest that is off on the base images, and ends its view. Tried again at the next
    /// occasion when it fails.
    private func settleIfOff(_ protection: String) async {
        do {
            try await lock.withLock(protection) {
                guard let known = try started(protection, .failover), case .committed = known.phase,
                    known.canSettleOnBase(guestIsOff: try await isOff(known.guest))
                else { return }
                try await settleOnBase(known, protection)
                logger.notice("guest put on its base images", metadata: ["protection": "\(protection)"])
            }
        } catch {
            logger.warning(
                "guest not put on its base images", metadata: ["protection": "\(protection)", "error": "\(error)"])
        }
    }

    /// - Precondition: the base holds the point, the guest is off, and the caller has the protection's lock.
    func settleOnBase(_ started: StartedReplica, _ protection: String) async throws {
        guard let guest = started.started else { preconditionFailure("it was started") }
        let replica = try await target.replica(of: protection)
        let described = try replica.describe()
        var images: [String: BaseImageFile] = [:]
        for disk in described.disks {
            let adopted = described.adopted.first { $0.target == disk.target }
            images[disk.target] = BaseImageFile(
                path: adopted?.path ?? target.baseImage(of: protection, disk: disk.target),
                format: adopted?.format.driver ?? "raw", sizeBytes: disk.sizeBytes)
        }
        let directory = directory(of: protection, .failover)
        try await changingImages(of: started.guest, protection) { [hypervisor, images] in
            try await hypervisor.settleOnBase(guest: started.guest, directory: directory, images: images)
        }
        try reach(.coldOnBase)
        await views.end(socket: started.viewSocket)
        try reach(.coldViewEnded)
        var plain = started
        plain.phase = .plain(guest)
        try await keep(plain, of: protection)
    }
}
