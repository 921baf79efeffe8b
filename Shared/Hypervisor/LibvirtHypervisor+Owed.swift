import Logging
import Synchronization

/// What a guest is owed after something failed: to be thawed, and to be rid of a backup job that no open capture knows.
///
/// Whoever asked for the capture has his answer and may never come again: the protection is paused, or the policy service
/// away. A guest that is frozen stands still, and the scratch files of a job that nobody watches fill their file system.
/// So it is tried again until it is done, in the guest's turn. What is owed is not written down: the mark of the frozen
/// guest and libvirt's own job are, and `clearLeftovers` goes by them after a restart.
extension LibvirtHypervisor {
    /// Sees to it from now on that the guest gets what it is owed, and that the files of the capture go. To be called in
    /// the guest's turn, or before there are any. Returns at once.
    func settleLater(_ guest: String, _ capture: CheckpointName? = nil) {
        let captures = Set([capture].compactMap { $0 })
        owed.withLock { owed in
            if owed[guest] != nil {
                owed[guest]?.captures.formUnion(captures)
            } else {
                owed[guest] = OwedGuest(captures: captures, task: Task { [weak self] in await self?.settle(guest) })
            }
        }
    }

    /// Runs what ends a capture. When it fails the job is ended later all the same.
    func ending<T: Sendable>(
        _ name: CheckpointName?, of guest: String, _ body: @escaping @Sendable (LibvirtConnection) throws -> T
    ) async throws -> T {
        do {
            return try await call(body)
        } catch {
            settleLater(guest, name)
            throw error
        }
    }

    /// Tries at once what a guest is owed, then `also`, and answers what was done; nil when that takes longer than `limit`.
    /// It goes on then, as it does after a failure, until nothing is owed. Of a guest that is seen to already, nothing is
    /// done.
    func settleNow(
        _ guest: String, within limit: Duration, also: @escaping @Sendable (LibvirtDomain) throws -> [String]
    ) async -> [String]? {
        let (answers, answer) = AsyncStream.makeStream(of: [String].self)
        owed.withLock { owed in
            guard owed[guest] == nil else { return answer.finish() }
            owed[guest] = OwedGuest(
                captures: [], task: Task { [weak self] in await self?.settle(guest, telling: answer, also) })
        }
        return await withTaskGroup(of: [String]?.self) { race in
            race.addTask { await answers.first { _ in true } ?? [] }
            race.addTask {
                do {
                    try await Task.sleep(for: limit)
                } catch {
                    // The answer was there first.
                }
                return nil
            }
            defer { race.cancelAll() }
            return await race.next() ?? nil
        }
    }

    private func settle(
        _ guest: String, telling answer: AsyncStream<[String]>.Continuation,
        _ also: @escaping @Sendable (LibvirtDomain) throws -> [String]
    ) async {
        do {
            let settling = try await attempt(guest, also)
            if case .terminated = answer.yield(settling.done) {
                for sentence in settling.done {
                    logger.notice("leftover cleared late", metadata: ["what": "\(sentence)"])
                }
            }
            if settling.isSettled { return }
        } catch {
            logger.error("leftovers of a guest not cleared", metadata: ["guest": "\(guest)", "error": "\(error)"])
        }
        answer.finish()
        await settle(guest)
    }

    private func settle(_ guest: String) async {
        while true {
            do {
                try await Task.sleep(for: HypervisorLimits.settleInterval)
                if try await attempt(guest, { _ in [] }).isSettled { return }
            } catch is CancellationError {
                return
            } catch {
                // libvirt may be restarting; it is tried again in a moment.
                logger.warning("guest still owed", metadata: ["guest": "\(guest)", "error": "\(error)"])
            }
        }
    }

    private func attempt(
        _ guest: String, _ also: @escaping @Sendable (LibvirtDomain) throws -> [String]
    ) async throws -> Settling {
        try await turns.take(guest) {
            try Task.checkCancellation()
            let captures = owed.withLock { $0[guest]?.captures ?? [] }
            return try await callApart { [self] connection in
                var settling = try settle(guest, captures, connection, also)
                if settling.isSettled {
                    settling.isSettled = owed.withLock { owed in
                        guard owed[guest]?.captures == captures else { return false }
                        owed[guest] = nil
                        return true
                    }
                }
                return settling
            }
        }
    }

    /// Blocks, in the guest's turn.
    private func settle(
        _ guest: String, _ names: Set<CheckpointName>, _ connection: LibvirtConnection,
        _ also: (LibvirtDomain) throws -> [String]
    ) throws -> Settling {
        var settling = Settling(isSettled: true)
        if let domain = try connection.knownDomain(guest) {
            let wasFrozen = directory.isMarkedFrozen(guest)
            settling.isSettled = try thawIfMarked(domain)
            if wasFrozen, settling.isSettled { settling.done.append("Guest \(domain.name) was thawed.") }
            if try endStrayJob(of: domain, within: HypervisorLimits.leftoverTime) {
                settling.done.append("A backup job of guest \(domain.name) was ended.")
            }
            settling.done += try also(domain)
        } else {
            try directory.remove(directory.frozenMark(guest))
        }
        let open = captures.withLock { Set($0.values.map(\.name)) }
        if !captures.withLock({ $0.values.contains { $0.guest == guest } }) { try keeper.drop(guest: guest) }
        for name in names where !open.contains(name) { try removeFiles(of: name) }
        return settling
    }

    /// Thaws a guest that an earlier capture left frozen, and answers whether none did any more. Blocks, in the guest's
    /// turn.
    ///
    /// Whether the agent answers other questions says nothing: one that froze refuses them until it has thawed.
    func thawIfMarked(_ domain: LibvirtDomain) throws -> Bool {
        let guest = domain.uuid
        guard directory.isMarkedFrozen(guest) else { return true }
        if try directory.mayBeFrozen(guest, in: domain.run()) {
            // While it is paused nothing in it answers; it is thawed when it goes on.
            guard try domain.power().state == .running else { return false }
            do {
                try domain.thaw(within: HypervisorLimits.agentAnswerTime)
            } catch let error as HypervisorError where error.code != .unavailable {
                logger.warning(
                    "guest may be frozen", metadata: ["guest": "\(domain.name)", "error": "\(error)"])
                return false
            }
            logger.notice("guest thawed late", metadata: ["guest": "\(domain.name)"])
        }
        try directory.remove(directory.frozenMark(guest))
        return true
    }

    /// Ends a job of ours that no open capture knows of: an earlier run of this agent left it, or its end failed. Answers
    /// whether there was one. Blocks, in the guest's turn.
    @discardableResult
    func endStrayJob(of domain: LibvirtDomain, within limit: Duration = HypervisorLimits.jobEndTime) throws -> Bool {
        guard try domain.power().state.hasProcess, let backup = try jobs(of: domain, isOurTurn: true).backup,
            owns(backup), let socket = BackupDocument.socket(of: backup)
        else { return false }
        let isKnown = captures.withLock { captures in
            captures.values.contains { if case .job(socket) = $0.source { true } else { false } }
        }
        guard !isKnown else { return false }
        try endJob(of: domain, within: limit)
        return true
    }
}
