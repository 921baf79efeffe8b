// What the passing of time and the coming of work do to the board.

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

    private mutating func expireLeases(now: PolicyTime) {
        for (protection, cycle) in cycles {
            for index in cycle.running.sorted() {
                guard case .leased(let lease) = cycle.jobs[index].state, lease.expiresAt <= now else { continue }
                ended(lease, cycle.posting)
                cycles[protection]?.release(index, failed: false)
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
                || now - worker.lastSeen < PolicyLimits.workerForgottenMilliseconds
        }
    }

    private mutating func assign(now: PolicyTime) {
        guard !pulls.isEmpty else { return }
        let order = cycles.values.filter { !$0.waiting.isEmpty }
            .sorted { ($0.posting.objective, $0.posting.protection) < ($1.posting.objective, $1.posting.protection) }
        for cycle in order {
            let posting = cycle.posting
            for _ in cycle.waiting {
                guard let worker = freest(for: posting),
                    let granted = cycles[posting.protection]?.lease(to: worker, now: now)
                else { break }
                shares.began(posting.bandwidth)
                workers[worker]?.runningJobs += 1
                let job = cycle.jobs[granted.index]
                pulls[worker]?.grants.append(
                    JobGrant(
                        job: job.id, attempt: granted.attempt, posting: posting, piece: job.piece,
                        bandwidthBytesPerSecond: 0, leaseMilliseconds: PolicyLimits.leaseMilliseconds))
            }
        }
    }

    /// The waiting worker with most slots still free that can read the source; nil when there is none.
    private func freest(for posting: JobPosting) -> String? {
        pulls.filter { id, pull in
            pull.grants.count < pull.freeSlots
                && workers[id]?.introduction.reads(host: posting.sourceHost, named: posting.sourceHostName) == true
        }.max { left, right in
            let (leftFree, rightFree) = (
                left.value.freeSlots - left.value.grants.count, right.value.freeSlots - right.value.grants.count
            )
            return (leftFree, right.key) < (rightFree, left.key)
        }?.key
    }

    private mutating func answerPulls(now: PolicyTime) {
        for (worker, pull) in pulls where !pull.grants.isEmpty || pull.until <= now {
            pulls[worker] = nil
            // Shares are stated last, when all jobs of this round are counted.
            let grants = pull.grants.map { grant in
                var grant = grant
                grant.bandwidthBytesPerSecond = share(grant.posting)
                return grant
            }
            outcomes.append(.answerPull(pull.request, grants))
        }
    }

    private mutating func watchUnclaimed(now: PolicyTime) {
        for (protection, cycle) in cycles {
            let posting = cycle.posting
            let isServed = isServed(host: posting.sourceHost, named: posting.sourceHostName)
            guard !isServed else {
                cycles[protection]?.unclaimedSince = nil
                continue
            }
            let since = cycle.unclaimedSince ?? now
            cycles[protection]?.unclaimedSince = since
            guard now - since >= PolicyLimits.unclaimedMilliseconds else { continue }
            failCycle(protection, Self.noWorker(host: posting.sourceHostName))
        }
    }

    static func noWorker(host: String) -> PolicyError {
        PolicyError(
            .unavailable, "No replication worker that can read host \(host) asks for work.",
            remedy: "Start bascule-worker where it reaches the source and the target host.")
    }
}
