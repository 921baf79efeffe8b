/// Shares limits among the jobs that run under them: evenly, but what a job is seen not to use goes to the others.
///
/// All jobs of a pair of clouds share the limit of the pair's own policy. Those of guests that have another policy share
/// that one's limit, too, within the pair's. A job gets as much as fills both.
///
/// A share is stated when a job is granted and again with every report, so that after a job begins or ends the others
/// follow within one report; meanwhile the sum may exceed the limit by one job's share.
///
/// Always: shares computed at one instant add up to no more than each limit, unless there are more jobs than bytes.
struct BandwidthShares: Sendable {
    /// The jobs of one pair of clouds under one policy.
    private struct Group: Sendable {
        var plan: BandwidthPlan
        var jobs: [String: BandwidthDemand] = [:]
    }

    private struct Pool: Sendable {
        /// Of the pair's own policy.
        var plan: BandwidthPlan
        var groups: [String: Group] = [:]
        /// nil: to be computed anew.
        var levels: Levels?

        var jobs: Int { groups.values.reduce(0) { $0 + $1.jobs.count } }
    }

    /// What a job without a cap gets, of each limit. 0 in place of a limit, and nil in place of a level: none.
    private struct Levels: Sendable {
        var limit: UInt64
        var level: UInt64?
        var groups: [String: (limit: UInt64, level: UInt64?)]
        var jobs: Int
        var computedAt: PolicyTime
    }

    private var pools: [PairEntry.Key: Pool] = [:]
    /// Milliseconds by which the wall clock, whose hours a schedule means, is ahead of this service's own.
    var wallAhead: Int64 = 0

    /// Levels follow caps this often, so that many reports cost one computation.
    private static let levelMilliseconds: Int64 = 250

    /// - Parameters:
    ///   - plan: of the policy that the job is under.
    ///   - pairPlan: of the pair's own policy.
    mutating func began(
        _ job: String, under key: BandwidthKey, _ plan: BandwidthPlan, pairPlan: BandwidthPlan, now: PolicyTime
    ) {
        var pool = pools.removeValue(forKey: key.pair) ?? Pool(plan: pairPlan)
        pool.plan = pairPlan
        var group = pool.groups.removeValue(forKey: key.policy) ?? Group(plan: plan)
        group.plan = plan
        group.jobs[job] = BandwidthDemand(now: now)
        pool.groups[key.policy] = group
        pool.levels = nil
        pools[key.pair] = pool
    }

    mutating func ended(_ job: String, under key: BandwidthKey) {
        guard pools[key.pair]?.groups[key.policy]?.jobs.removeValue(forKey: job) != nil else {
            preconditionFailure("a job ended under a limit where it did not run")
        }
        pools[key.pair]?.levels = nil
        if pools[key.pair]?.groups[key.policy]?.jobs.isEmpty == true { pools[key.pair]?.groups[key.policy] = nil }
        if pools[key.pair]?.groups.isEmpty == true { pools[key.pair] = nil }
    }

    mutating func moved(_ job: String, under key: BandwidthKey, by bytes: UInt64) {
        pools[key.pair]?.groups[key.policy]?.jobs[job]?.moved(bytes)
    }

    /// A policy was changed; it holds for the jobs under it from the next report on.
    mutating func change(policy: String, to plan: BandwidthPlan) {
        for pair in pools.keys where pools[pair]?.groups[policy] != nil {
            pools[pair]?.groups[policy]?.plan = plan
            pools[pair]?.levels = nil
        }
    }

    /// The pair's own policy is another one, or was changed; it holds from the next report on.
    mutating func change(pair: PairEntry.Key, to plan: BandwidthPlan) {
        pools[pair]?.plan = plan
        pools[pair]?.levels = nil
    }

    func runningJobs(_ key: BandwidthKey) -> Int { pools[key.pair]?.groups[key.policy]?.jobs.count ?? 0 }

    /// Bytes per second for this job; 0: no limit. A limit never rounds down to none.
    mutating func share(of job: String, under key: BandwidthKey, now: PolicyTime) -> UInt64 {
        guard var pool = pools.removeValue(forKey: key.pair) else { return 0 }
        defer { pools[key.pair] = pool }
        let levels = levels(of: &pool, for: key.policy, now: now)
        let own = levels.groups[key.policy]
        guard let level = [levels.level, own?.level].compactMap(\.self).min() else {
            pool.groups[key.policy]?.jobs[job]?.told(0, even: 0, now: now)
            return 0
        }
        let cap = pool.groups[key.policy]?.jobs[job]?.cap
        let share = max(1, min(level, cap ?? level))
        let even = [
            levels.limit == 0 ? nil : levels.limit / UInt64(max(1, levels.jobs)),
            own.flatMap { $0.limit == 0 ? nil : $0.limit / UInt64(max(1, pool.groups[key.policy]?.jobs.count ?? 1)) },
        ].compactMap(\.self).min()
        pool.groups[key.policy]?.jobs[job]?.told(share, even: even ?? share, now: now)
        return share
    }

    /// What this plan allows now; 0: no limit.
    func limit(of plan: BandwidthPlan, now: PolicyTime) -> UInt64 { plan.bytesPerSecond(at: now + wallAhead) }

    private func levels(of pool: inout Pool, for policy: String, now: PolicyTime) -> Levels {
        let limit = limit(of: pool.plan, now: now)
        if let levels = pool.levels, now - levels.computedAt < Self.levelMilliseconds, levels.limit == limit,
            levels.groups[policy]?.limit == pool.groups[policy].map({ self.limit(of: $0.plan, now: now) })
        {
            return levels
        }
        var levels = Levels(limit: limit, level: nil, groups: [:], jobs: pool.jobs, computedAt: now)
        // A job that its own policy's limit holds back counts as capped there, so that the others of the pair get what
        // it leaves.
        var caps: [UInt64?] = []
        for (name, group) in pool.groups {
            let own = self.limit(of: group.plan, now: now)
            let level = own == 0 ? nil : Self.level(of: own, caps: group.jobs.values.map(\.cap))
            levels.groups[name] = (own, level)
            caps += group.jobs.values.map { job in [job.cap, level].compactMap(\.self).min() }
        }
        if limit > 0 { levels.level = Self.level(of: limit, caps: caps) }
        pool.levels = levels
        return levels
    }

    /// The height to which the limit fills all jobs, none above its cap.
    static func level(of limit: UInt64, caps: [UInt64?]) -> UInt64 {
        var left = limit
        var jobs = UInt64(caps.count)
        for cap in caps.compactMap(\.self).sorted() {
            guard cap < left / jobs else { break }
            left -= cap
            jobs -= 1
            if jobs == 0 { return limit }
        }
        return left / max(1, jobs)
    }
}
