/// Identifies an incoming request that is answered later.
struct RequestToken: Hashable, Sendable {
    let value: UInt64
}

/// The job board: offers the jobs of open cycles to workers that pull, under leases.
///
/// - A worker that is silent for a lease's length loses it; the job goes to another under a new attempt number, and
///   what the silent one had sent is discarded by number.
/// - The cycle whose recovery point objective is missed first goes first. First and comparing cycles go after the
///   ordinary ones, and after a while in turn with them; large ordinary ones go in turn with small ones. Jobs are spread
///   over the waiting workers, each time to the one that has most to spare: free slots × what one job of it moves a second.
/// - Jobs under way are limited per host and per pair of sites; a bandwidth limit is shared by those it is set for.
/// - A worker seen to be slow is offered jobs after faster ones, and none that those would finish sooner.
/// - A worker that failed a job is not offered it again while another is there, not silent, that did not.
/// - A drained worker is offered none.
/// - Where a bandwidth limit or the way makes their jobs long, first and large cycles leave a slot to small ones.
/// - A pull without work waits here, at most one per worker, so pulls are bounded by workers.
struct JobBoard: Sendable {
    enum Outcome: Sendable {
        case answerPull(RequestToken, [JobGrant])
        case finished(ProtectionIdentifier, cycle: UInt64, [StoredJob], sentBytes: UInt64, changedBytes: UInt64)
        case failed(ProtectionIdentifier, cycle: UInt64, PolicyError)
        case moved(ProtectionIdentifier, pendingBytes: UInt64, sentBytes: UInt64)
        /// A drained name was there just now, which is to be stored; or was not for so long that it is drained no more.
        case drainedSeen(String), drainedForgotten(String)
    }

    struct Report: Hashable, Sendable {
        var worker: String
        var job: String
        var attempt: UInt32
    }

    enum Directive: Hashable, Sendable {
        case abandon
        case goOn(bandwidthBytesPerSecond: UInt64)
    }

    struct WaitingPull: Sendable {
        var request: RequestToken
        var freeSlots: Int
        var until: PolicyTime
        var grants: [JobGrant] = []
    }

    struct Place: Hashable, Sendable {
        var protection: ProtectionIdentifier
        var index: Int
    }

    var cycles: [ProtectionIdentifier: BoardCycle] = [:]
    var places: [String: Place] = [:]
    var workers: [String: WorkerEntry] = [:]
    var pulls: [String: WaitingPull] = [:]
    var shares = BandwidthShares()
    var counts: JobCounts
    var drained: DrainedWorkers
    /// When a job that is kept back must be looked at again.
    var holdEndsAt: PolicyTime?
    /// When a small cycle was last posted.
    private(set) var smallPostedAt: PolicyTime?
    /// Of the jobs of first and large cycles, by the sites that they are between.
    var waySpeeds: [SitePair: JobSpeed] = [:]
    private var identifiers: SeededGenerator
    var outcomes: [Outcome] = []
    /// The last attempts that finished a cycle and left the board, so that a repeated report is answered as the first.
    var finishedReports: [Report] = []

    static let finishedReportsMaximum = 1_024

    init(seed: UInt64, limits: JobLimits = JobLimits(), drained: DrainedWorkers = DrainedWorkers()) {
        identifiers = SeededGenerator(seed: seed)
        counts = JobCounts(limits: limits)
        self.drained = drained
    }

    // MARK: Questions

    /// How many jobs all workers together could run.
    var slots: Int { workers.values.filter { isServing($0) }.reduce(0) { $0 + max($1.slots, $1.runningJobs) } }

    var openCycles: Int { cycles.count }

    var wakesAt: PolicyTime? {
        var times = pulls.values.map(\.until)
        for cycle in cycles.values {
            for index in cycle.running {
                if case .leased(let lease) = cycle.jobs[index].state { times.append(lease.expiresAt) }
            }
            if let since = cycle.unclaimedSince { times.append(since + PolicyLimits.unclaimedMilliseconds) }
        }
        if let holdEndsAt { times.append(holdEndsAt) }
        if let forgetsAt = drained.forgetsAt { times.append(forgetsAt) }
        times += workers.values.filter { $0.runningJobs == 0 && pulls[$0.introduction.id] == nil }
            .map { $0.lastSeen + PolicyLimits.workerForgottenMilliseconds }
        return times.min()
    }

    // MARK: Cycles

    mutating func post(_ posting: JobPosting, now: PolicyTime) {
        precondition(cycles[posting.protection] == nil, "a protection has one open cycle at a time")
        precondition(!posting.pieces.isEmpty, "a cycle without jobs is committed at once")
        let names = posting.pieces.map { _ in identifiers.nextUUID() }
        for (index, name) in names.enumerated() { places[name] = Place(protection: posting.protection, index: index) }
        let cycle = BoardCycle(posting: posting, identifiers: names)
        if cycle.weight == .small { smallPostedAt = now }
        cycles[posting.protection] = cycle
    }

    /// Takes a cycle's jobs off the board. Its workers hear it with their next report. Harmless when it is not there.
    mutating func withdraw(_ protection: ProtectionIdentifier) {
        guard let cycle = cycles.removeValue(forKey: protection) else { return }
        for job in cycle.jobs {
            places[job.id] = nil
            if case .leased(let lease) = job.state { ended(job.id, lease, cycle.posting) }
        }
    }

    /// A policy was changed: its limit holds for open cycles, too.
    mutating func change(policy: String, to plan: BandwidthPlan) {
        shares.change(policy: policy, to: plan)
        for protection in cycles.keys where cycles[protection]?.posting.bandwidth.policy == policy {
            cycles[protection]?.posting.bandwidthPlan = plan
        }
    }

    /// The limit of a pair of clouds is another one: it holds for open cycles, too.
    mutating func change(pair: PairEntry.Key, to plan: BandwidthPlan) {
        shares.change(pair: pair, to: plan)
        for protection in cycles.keys where cycles[protection]?.posting.bandwidth.pair == pair {
            cycles[protection]?.posting.pairBandwidthPlan = plan
        }
    }

    /// A protection came under another policy: the limit of that one holds for its open cycle.
    mutating func move(_ protection: ProtectionIdentifier, to policy: String, _ plan: BandwidthPlan, now: PolicyTime) {
        guard let before = cycles[protection]?.posting.bandwidth, before.policy != policy else { return }
        cycles[protection]?.posting.bandwidth.policy = policy
        cycles[protection]?.posting.bandwidthPlan = plan
        guard let cycle = cycles[protection] else { return }
        for index in cycle.running {
            let job = cycle.jobs[index].id
            shares.ended(job, under: before)
            shares.began(
                job, under: cycle.posting.bandwidth, plan, pairPlan: cycle.posting.pairBandwidthPlan, now: now)
        }
    }

    /// Pairs of clouds with an open cycle.
    var pairs: Set<PairEntry.Key> { Set(cycles.values.map(\.posting.bandwidth.pair)) }

    // MARK: Workers

    mutating func pull(
        _ request: RequestToken, from worker: WorkerIntroduction, freeSlots: Int, waitMilliseconds: Int64,
        now: PolicyTime
    ) throws {
        if workers[worker.id] == nil, workers.count >= PolicyLimits.workersMaximum {
            throw PolicyError(
                .resourceExhausted, "There are already \(PolicyLimits.workersMaximum) workers.",
                remedy: "Stop some, or wait a minute for the silent ones to be forgotten.")
        }
        var entry = workers[worker.id] ?? WorkerEntry(introduction: worker, lastSeen: now, slots: 0)
        entry.introduction = worker
        entry.lastSeen = now
        entry.slots = freeSlots + entry.runningJobs
        entry.hasLeft = false
        workers[worker.id] = entry
        // A worker asks again when it has become freer; the question before is then answered with nothing.
        if let before = pulls.removeValue(forKey: worker.id) { outcomes.append(.answerPull(before.request, [])) }
        let wait = min(max(0, waitMilliseconds), PolicyLimits.pullWaitMillisecondsMaximum)
        pulls[worker.id] = WaitingPull(
            request: request, freeSlots: min(freeSlots, PolicyLimits.grantsPerPullMaximum), until: now + wait)
    }

    /// The asker is gone; it must not be given jobs.
    mutating func forgetPull(_ request: RequestToken) {
        for (worker, pull) in pulls where pull.request == request { pulls[worker] = nil }
    }

    /// - Parameter doneBytes: of the job's range; it rises where nothing has to be read or sent.
    mutating func report(
        _ report: Report, readBytes: UInt64, sentBytes: UInt64, doneBytes: UInt64 = 0, now: PolicyTime
    ) -> Directive {
        workers[report.worker]?.lastSeen = now
        guard let (place, cycle, lease) = leased(report) else { return .abandon }
        // What a worker says is never more than it could have moved; sums of it must not overflow.
        let readBytes = min(readBytes, PolicyLimits.jobBytesToldMaximum)
        let sentBytes = min(sentBytes, PolicyLimits.jobBytesToldMaximum)
        var renewed = lease
        // A late report never takes back what a later one said.
        renewed.readBytes = max(lease.readBytes, readBytes)
        renewed.sentBytes = max(lease.sentBytes, sentBytes)
        renewed.doneBytes = max(lease.doneBytes, min(doneBytes, cycle.jobs[place.index].piece.length))
        renewed.expiresAt = now + PolicyLimits.leaseMilliseconds
        let share = shares.share(of: report.job, under: cycle.posting.bandwidth, now: now)
        renewed.bandwidthBytesPerSecond = share
        if renewed.hasMoved(since: lease) { renewed.movedAt = now }
        guard now - renewed.movedAt < Self.patience(under: share) else {
            giveUp(place, lease, Self.stalled, isFinal: false, now: now)
            return .abandon
        }
        cycles[place.protection]?.renew(place.index, renewed)
        shares.moved(report.job, under: cycle.posting.bandwidth, by: renewed.sentBytes - lease.sentBytes)
        noteSpeed(renewed, place.index, of: cycle, isFinished: false, now: now)
        moved(place.protection, report.worker, by: renewed.sentBytes - lease.sentBytes, now: now)
        return .goOn(bandwidthBytesPerSecond: share)
    }

    /// Throws `leaseLost` when the work no longer counts.
    mutating func finish(
        _ report: Report, digest: [UInt8], sentBytes: UInt64, changedBytes: UInt64, now: PolicyTime
    ) throws {
        workers[report.worker]?.lastSeen = now
        guard let (place, cycle, lease) = leased(report) else {
            if isRepeated(report) { return }
            throw lost(report)
        }
        let sentBytes = min(sentBytes, PolicyLimits.jobBytesToldMaximum)
        let changedBytes = min(changedBytes, PolicyLimits.jobBytesToldMaximum)
        let stored = StoredJob(job: report.job, attempt: report.attempt, digest: digest)
        cycles[place.protection]?.finish(
            place.index, stored, sentBytes: sentBytes, changedBytes: changedBytes, now: now)
        ended(report.job, lease, cycle.posting)
        var whole = lease
        whole.sentBytes = max(lease.sentBytes, sentBytes)
        noteSpeed(whole, place.index, of: cycle, isFinished: true, now: now)
        moved(place.protection, report.worker, by: sentBytes - min(sentBytes, lease.sentBytes), now: now)
        remember(report)
        completeIfFinished(place.protection)
    }

    /// Throws `leaseLost` when the lease had ended anyway.
    ///
    /// - Parameter isRetryable: whoever refused said that trying again may help, whatever its code usually means.
    mutating func fail(
        _ report: Report, _ error: PolicyError, isRetryable: Bool = false, isGivenBack: Bool = false, now: PolicyTime
    ) throws {
        workers[report.worker]?.lastSeen = now
        guard let (place, cycle, lease) = leased(report) else { throw lost(report) }
        if isGivenBack, cycle.jobs[place.index].returns < PolicyLimits.jobReturnsMaximum {
            ended(report.job, lease, cycle.posting)
            cycles[place.protection]?.release(place.index, .givenBack)
        } else {
            giveUp(place, lease, error, isFinal: !isRetryable && Self.isFinal(error.code), now: now)
        }
    }

    private mutating func giveUp(
        _ place: Place, _ lease: BoardCycle.Lease, _ error: PolicyError, isFinal: Bool, now: PolicyTime
    ) {
        guard let cycle = cycles[place.protection] else { return }
        ended(cycle.jobs[place.index].id, lease, cycle.posting)
        let worker = workers[lease.worker]?.introduction.name ?? lease.worker
        cycles[place.protection]?.release(place.index, .failed(by: worker, at: now))
        guard let job = cycles[place.protection]?.jobs[place.index],
            isFinal || job.failures >= PolicyLimits.jobFailuresMaximum
        else { return }
        if !isFinal, Self.mayPass(error.code), cycles[place.protection]?.isCutOff(place.index, now: now) == true {
            cycles[place.protection]?.pause(place.index, until: now + PolicyLimits.outageRetryMilliseconds)
            return
        }
        var error = error
        error.facts["workers"] = job.failedBy.sorted().joined(separator: ", ")
        failCycle(place.protection, error)
    }

    /// How long a job may stand still. Under a small share even one record takes long, and that is no stall.
    private static func patience(under share: UInt64) -> Int64 {
        guard share > 0 else { return PolicyLimits.stalledMilliseconds }
        let slowest = Int64(clamping: 4 * PolicyLimits.jobAlignmentBytes * 1_000 / share)
        return max(PolicyLimits.stalledMilliseconds, slowest)
    }

    private static let stalled = PolicyError(
        .unavailable, "A transfer job has not moved for two minutes.",
        remedy: "See whether the link between the sites is up, and whether the target's disks answer.")
}
