// What the passing of time and the coming of work do to the board.
//
// Where one thing is done after another here, it is in the order of identifiers and never in that of a dictionary, which
// another process would have otherwise: the same events lead to the same outcomes, so that what was seen can be replayed.

extension JobBoard {
    /// Ends what has expired, hands out what waits, and gives everything that followed since it was last called.
    mutating func settle(now: PolicyTime) -> [Outcome] {
        expireLeases(now: now)
        forgetWorkers(now: now)
        assign(now: now)
        answerPulls(now: now)
        watchUnclaimed(now: now)
        defer { outcomes = [] }
        return outcomes
    }

    private var cyclesInOrder: [(key: ProtectionIdentifier, value: BoardCycle)] {
        cycles.sorted { $0.key < $1.key }
    }

    private mutating func expireLeases(now: PolicyTime) {
        for (protection, cycle) in cyclesInOrder {
            for index in cycle.running.sorted() {
                guard case .leased(let lease) = cycle.jobs[index].state, lease.expiresAt <= now else { continue }
                ended(cycle.jobs[index].id, lease, cycle.posting)
                cycles[protection]?.release(index, .expired)
                guard cycle.jobs[index].expiries + 1 >= PolicyLimits.jobExpiriesMaximum else { continue }
                let error = PolicyError(
                    .unavailable, "One transfer job lost its worker \(PolicyLimits.jobExpiriesMaximum) times.",
                    remedy: "See why the replication workers stop or lose their connection to the policy service.")
                failCycle(protection, error)
                break
            }
        }
    }

    private mutating func forgetWorkers(now: PolicyTime) {
        workers = workers.filter { id, worker in
            worker.runningJobs > 0 || pulls[id] != nil
                || !worker.hasLeft && now - worker.lastSeen < PolicyLimits.workerForgottenMilliseconds
        }
        guard drained.count > 0 else { return }
        let changes = drained.settle(present: Set(workers.values.map(\.introduction.name)), now: now)
        outcomes += changes.seen.map { .drainedSeen($0) } + changes.forgotten.map { .drainedForgotten($0) }
    }

    private mutating func answerPulls(now: PolicyTime) {
        let answered = pulls.filter { !$1.grants.isEmpty || $1.until <= now }
        for (worker, pull) in answered.sorted(by: { $0.key < $1.key }) {
            pulls[worker] = nil
            workers[worker]?.answeredAt = now
            // Shares are stated last, when all jobs of this round are counted.
            let grants = pull.grants.map { grant in
                var grant = grant
                let share = shares.share(of: grant.job, under: grant.posting.bandwidth, now: now)
                grant.bandwidthBytesPerSecond = share
                if let place = places[grant.job] { cycles[place.protection]?.tell(place.index, share: share) }
                return grant
            }
            outcomes.append(.answerPull(pull.request, grants))
        }
    }

    private mutating func watchUnclaimed(now: PolicyTime) {
        for (protection, cycle) in cyclesInOrder {
            let posting = cycle.posting
            // What runs is worth waiting for, also when no more is given to the worker that has it.
            let isServed = isServed(host: posting.sourceHost, named: posting.sourceHostName)
            guard !isServed, cycle.running.isEmpty else {
                cycles[protection]?.unclaimedSince = nil
                continue
            }
            let since = cycle.unclaimedSince ?? now
            cycles[protection]?.unclaimedSince = since
            guard now - since >= PolicyLimits.unclaimedMilliseconds else { continue }
            failCycle(protection, noWorker(host: posting.sourceHost, named: posting.sourceHostName))
        }
    }

    func noWorker(host: String, named name: String) -> PolicyError {
        let isDrained = workers.values.contains { worker in
            drained.contains(worker.introduction.name) && worker.introduction.reads(host: host, named: name)
        }
        return PolicyError(
            .unavailable, "No replication worker that can read host \(name) asks for work.",
            remedy: isDrained
                ? "Those that could are drained: let one work again with: bascule workers resume NAME"
                : "Start bascule-worker where it reaches the source and the target host.")
    }
}
