// Which waiting job goes to which waiting worker.

extension JobBoard {
    /// Ordinary cycles go before long ones, and of each kind the one whose objective is missed first; past its grace a
    /// long one takes turns with the ordinary ones, and among those a large one with the small ones. A job that may not
    /// begin now, because of a limit or for want of a worker that can read its source, does not keep later cycles from
    /// theirs.
    mutating func assign(now: PolicyTime) {
        holdEndsAt = nil
        guard !pulls.isEmpty else { return }
        var order = order(of: cycles.values.filter { !$0.waiting.isEmpty }.map(\.posting.protection), now: now)
        var ahead: UInt64 = 0
        while let protection = order.last {
            guard let posting = cycles[protection]?.posting, let weight = cycles[protection]?.weight,
                counts.admits(posting), let (job, worker) = next(of: posting, behind: ahead, now: now),
                let granted = cycles[protection]?.lease(job, to: worker, now: now),
                let piece = cycles[protection]?.jobs[job].piece
            else {
                ahead += cycles[protection]?.waitingBytes ?? 0
                order.removeLast()
                continue
            }
            let isOthersTurn = takeTurn(weight, worker)
            grant(granted, to: worker, piece, posting, now: now)
            if isOthersTurn { order = self.order(of: order, now: now) }
        }
    }

    /// The next one last.
    private func order(of protections: [ProtectionIdentifier], now: PolicyTime) -> [ProtectionIdentifier] {
        protections.compactMap { cycles[$0] }
            .map { (rank: rank(of: $0, now: now), objective: $0.posting.objective, id: $0.posting.protection) }
            .sorted { ($0.rank, $0.objective, $0.id) > ($1.rank, $1.objective, $1.id) }
            .map(\.id)
    }

    /// 0: before the ordinary ones; 1: ordinary; 2: after those; 3: after all of them.
    private func rank(of cycle: BoardCycle, now: PolicyTime) -> Int {
        switch cycle.weight {
        case .small: 1
        case .large: cycle.givesWay ? 2 : 1
        case .long: cycle.posting.objective <= now && !cycle.givesWay ? 0 : 3
        }
    }

    /// A free slot of this worker goes to this cycle. The long cycles that could have had it give way next time if it
    /// is one of them, and not if it is an ordinary one; the large ones if it is one of them, and not if it is a small
    /// one. For others it was nobody's turn, because slots of several hosts that become free alternately would always
    /// find the other's.
    ///
    /// - Returns: whether the order is another one now.
    private mutating func takeTurn(_ taker: BoardCycle.Weight, _ worker: String) -> Bool {
        guard let reader = workers[worker]?.introduction else { return false }
        var isOthersTurn = false
        for (protection, cycle) in cycles {
            guard let givesWay = Self.givesWay(cycle.weight, to: taker), cycle.givesWay != givesWay,
                counts.admits(cycle.posting),
                reader.reads(host: cycle.posting.sourceHost, named: cycle.posting.sourceHostName)
            else { continue }
            cycles[protection]?.givesWay = givesWay
            isOthersTurn = true
        }
        return isOthersTurn
    }

    /// Whether a cycle gives way after one of that weight got a slot; nil: that changes nothing for it.
    private static func givesWay(_ weight: BoardCycle.Weight, to taker: BoardCycle.Weight) -> Bool? {
        switch (weight, taker) {
        case (.long, .long), (.large, .large): true
        case (.long, .large), (.long, .small), (.large, .small): false
        case (.large, .long), (.small, _): nil
        }
    }

    private mutating func grant(
        _ granted: (job: String, attempt: UInt32), to worker: String, _ piece: JobPiece,
        _ posting: JobPosting, now: PolicyTime
    ) {
        began(granted.job, of: worker, posting, now: now)
        pulls[worker]?.grants.append(
            JobGrant(
                job: granted.job, attempt: granted.attempt, posting: posting, piece: piece,
                bandwidthBytesPerSecond: 0, leaseMilliseconds: PolicyLimits.leaseMilliseconds))
    }

    /// The job of this cycle that goes to a waiting worker now, and that worker.
    private mutating func next(
        of posting: JobPosting, behind ahead: UInt64, now: PolicyTime
    ) -> (job: Int, worker: String)? {
        for index in cycles[posting.protection]?.nextJobs ?? [] {
            guard let job = cycles[posting.protection]?.jobs[index] else { continue }
            if let until = job.pausedUntil, until > now {
                holdEndsAt = [holdEndsAt, until].compactMap(\.self).min()
                continue
            }
            guard !takesLastSlot(job.piece, posting, now: now) else { continue }
            if let worker = worker(for: job, of: posting, behind: ahead, now: now) { return (index, worker) }
        }
        return nil
    }

    /// Whether this job of a cycle that is not small would leave no slot to small ones, though such come, and not for a
    /// short time: when the limit or the way is what it waits for, fewer jobs are as fast. The jobs in the other slots
    /// show the speed of the way. A comparing one reads much and sends little.
    private func takesLastSlot(_ piece: JobPiece, _ posting: JobPosting, now: PolicyTime) -> Bool {
        guard let smallPostedAt, now - smallPostedAt < PolicyLimits.smallExpectedMilliseconds,
            cycles[posting.protection]?.weight != .small, posting.kind != .compare
        else { return false }
        let limits = [posting.bandwidthPlan, posting.pairBandwidthPlan].map { shares.limit(of: $0, now: now) }
        let speed = waySpeeds[posting.sites]?.bytesPerSecond ?? 0
        let rate = (limits + [speed]).filter { $0 > 0 }.min() ?? PolicyLimits.unknownWayBytesPerSecond
        guard piece.changedBytes / rate >= UInt64(PolicyLimits.longJobMilliseconds / 1_000) else { return false }
        let readers = workers.filter { _, worker in
            isServing(worker) && worker.introduction.reads(host: posting.sourceHost, named: posting.sourceHostName)
        }
        let slots = readers.values.reduce(0) { $0 + max($1.slots, $1.runningJobs) }
        let heavy = cycles.values.filter { $0.weight != .small }.reduce(0) { sum, cycle in
            sum + cycle.leases.filter { readers[$0.worker] != nil }.count
        }
        return heavy > 0 && (heavy + 1 >= slots || !counts.admits(posting, leaving: 1))
    }

    /// The waiting worker that takes this job now; nil when there is none, or when only workers wait for which it is
    /// too large, because faster ones that are busy finish it sooner.
    private mutating func worker(
        for job: BoardCycle.Job, of posting: JobPosting, behind ahead: UInt64, now: PolicyTime
    ) -> String? {
        let avoided = avoided(for: job, of: posting, now: now)
        let candidates = candidates(for: posting, besides: avoided)
        guard !candidates.isEmpty else { return nil }
        let protection = posting.protection
        let backlog = ahead + (cycles[protection]?.waitingBytes ?? 0)
        var ends: PolicyTime?
        var quickest: (id: String, milliseconds: Int64)?
        for candidate in candidates {
            switch sooner(than: candidate.id, job.piece, posting, besides: avoided, backlog: backlog, now: now) {
            case .nobody: return candidate.id
            case .busyWorkers(let until, let alone):
                ends = [ends, until].compactMap(\.self).min()
                if alone < quickest?.milliseconds ?? .max { quickest = (candidate.id, alone) }
            }
        }
        guard let quickest else { return nil }
        // No longer than it takes here, because what keeps the busy ones busy may last for any time.
        let patience = min(quickest.milliseconds, PolicyLimits.heldForFasterMilliseconds)
        let since = cycles[protection]?.heldSince ?? now
        guard now - since < patience else { return quickest.id }
        cycles[protection]?.heldSince = since
        holdEndsAt = [holdEndsAt, ends, since + patience].compactMap(\.self).min()
        return nil
    }

    /// Names of the workers that failed this job, while another is there that can read its source, busy or not, because
    /// one that fails at once would be the only one with a free slot each time. One that has been silent for as long as
    /// a lease lives is not there, or the job would wait for a dead one until that is forgotten.
    private mutating func avoided(for job: BoardCycle.Job, of posting: JobPosting, now: PolicyTime) -> Set<String> {
        guard !job.failedBy.isEmpty else { return [] }
        let others = workers.filter { _, worker in
            !job.failedBy.contains(worker.introduction.name) && isServing(worker)
                && worker.introduction.reads(host: posting.sourceHost, named: posting.sourceHostName)
        }
        let vanish = others.map { id, worker in worker.vanishes(waiting: pulls[id]?.until) }.max()
        guard let vanish, vanish > now else { return [] }
        holdEndsAt = [holdEndsAt, vanish].compactMap(\.self).min()
        return job.failedBy
    }

    /// Waiting workers with a free slot that can read the source, the one with most capacity still free first: slots
    /// times speed, and among workers of which nothing is known yet, slots.
    private func candidates(
        for posting: JobPosting, besides avoided: Set<String>
    ) -> [(id: String, capacity: Double)] {
        var free: [(id: String, slots: Int, speed: UInt64)] = []
        for (id, pull) in pulls where pull.grants.count < pull.freeSlots {
            guard let worker = workers[id], isServing(worker), !avoided.contains(worker.introduction.name),
                worker.introduction.reads(host: posting.sourceHost, named: posting.sourceHostName)
            else { continue }
            free.append((id, pull.freeSlots - pull.grants.count, worker.speed.bytesPerSecond))
        }
        // One whose speed is not known counts as ordinary, so that it is tried.
        let known = free.map(\.speed).filter { $0 > 0 }
        let ordinary = known.isEmpty ? 1 : Double(known.reduce(0, +)) / Double(known.count)
        return free.map { worker in
            (worker.id, Double(worker.slots) * (worker.speed == 0 ? ordinary : Double(worker.speed)))
        }
        .sorted { ($1.capacity, $0.id) < ($0.capacity, $1.id) }
    }

    private enum Sooner {
        case nobody
        /// Workers at least twice as fast, of which the first to be given up on would be given up on then.
        /// - alone: milliseconds that this worker would need.
        case busyWorkers(until: PolicyTime?, alone: Int64)
    }

    /// Whether others, busy now, would have read this piece in half the time in which this worker would read it.
    private func sooner(
        than worker: String, _ piece: JobPiece, _ posting: JobPosting, besides avoided: Set<String>, backlog: UInt64,
        now: PolicyTime
    ) -> Sooner {
        guard let slow = workers[worker]?.speed.bytesPerSecond, slow > 0 else { return .nobody }
        let alone = Double(piece.changedBytes) / Double(slow)
        guard alone * 1_000 >= Double(PolicyLimits.heldJobMillisecondsMinimum) else { return .nobody }
        var rate = 0.0
        var left = Double(backlog)
        var idleUntil: PolicyTime?
        for (id, other) in workers where id != worker && isServing(other) {
            guard !avoided.contains(other.introduction.name), other.speed.bytesPerSecond / 2 >= slow,
                other.introduction.reads(host: posting.sourceHost, named: posting.sourceHostName)
            else { continue }
            // Between two jobs a worker is neither busy nor waiting for a moment.
            let presentUntil = other.lastSeen + PolicyLimits.presentMilliseconds
            guard other.runningJobs > 0 || pulls[id] != nil || presentUntil > now else { continue }
            if other.runningJobs == 0, pulls[id] == nil {
                idleUntil = [idleUntil, presentUntil].compactMap(\.self).min()
            }
            rate += Double(other.speed.bytesPerSecond) * Double(max(1, other.slots))
            left += Double(other.runningJobs) * Double(piece.changedBytes) / 2
        }
        guard rate > 0, 2 * left / rate < alone else { return .nobody }
        return .busyWorkers(until: idleUntil, alone: Int64(min(alone * 1_000, 1e15)))
    }
}
