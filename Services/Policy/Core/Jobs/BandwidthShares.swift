/// Shares each limit among the jobs that run under it: evenly, but what a job is seen not to use goes to the others.
///
/// A share is stated when a job is granted and again with every report, so that after a job begins or ends the others
/// follow within one report; meanwhile the sum may exceed the limit by one job's share.
///
/// Always: shares computed at one instant add up to no more than the limit, unless there are more jobs than bytes.
struct BandwidthShares: Sendable {
    private struct Pool: Sendable {
        var plan: BandwidthPlan
        var jobs: [String: BandwidthDemand] = [:]
        /// What a job without a cap gets; nil: to be computed anew.
        var level: Level?
    }

    private struct Level: Sendable {
        var limit: UInt64
        var bytesPerSecond: UInt64
        var computedAt: PolicyTime
    }

    private var pools: [BandwidthKey: Pool] = [:]

    /// The level follows caps this often, so that many reports cost one computation.
    private static let levelMilliseconds: Int64 = 250

    mutating func began(_ job: String, under key: BandwidthKey, _ plan: BandwidthPlan, now: PolicyTime) {
        var pool = pools.removeValue(forKey: key) ?? Pool(plan: plan)
        pool.plan = plan
        pool.jobs[job] = BandwidthDemand(now: now)
        pool.level = nil
        pools[key] = pool
    }

    mutating func ended(_ job: String, under key: BandwidthKey) {
        guard pools[key]?.jobs.removeValue(forKey: job) != nil else {
            preconditionFailure("a job ended under a limit where it did not run")
        }
        pools[key]?.level = nil
        if pools[key]?.jobs.isEmpty == true { pools[key] = nil }
    }

    mutating func moved(_ job: String, under key: BandwidthKey, by bytes: UInt64) {
        pools[key]?.jobs[job]?.moved(bytes)
    }

    /// The policy was changed; it holds from the next report on.
    mutating func change(policy: String, to plan: BandwidthPlan) {
        for key in pools.keys where key.policy == policy {
            pools[key]?.plan = plan
            pools[key]?.level = nil
        }
    }

    func runningJobs(_ key: BandwidthKey) -> Int { pools[key]?.jobs.count ?? 0 }

    /// Bytes per second for this job; 0: no limit. A limit never rounds down to none.
    mutating func share(of job: String, under key: BandwidthKey, now: PolicyTime) -> UInt64 {
        guard var pool = pools.removeValue(forKey: key) else { return 0 }
        defer { pools[key] = pool }
        let limit = pool.plan.bytesPerSecond(at: now)
        let even = limit / UInt64(max(1, pool.jobs.count))
        let share: UInt64
        if limit == 0 {
            share = 0
        } else {
            let level = Self.level(of: &pool, limit: limit, now: now)
            share = max(1, min(level, pool.jobs[job]?.cap ?? level))
        }
        pool.jobs[job]?.told(share, even: even, now: now)
        return share
    }

    private static func level(of pool: inout Pool, limit: UInt64, now: PolicyTime) -> UInt64 {
        if let level = pool.level, level.limit == limit, now - level.computedAt < levelMilliseconds {
            return level.bytesPerSecond
        }
        let level = Self.level(of: limit, caps: pool.jobs.values.map(\.cap))
        pool.level = Level(limit: limit, bytesPerSecond: level, computedAt: now)
        return level
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
