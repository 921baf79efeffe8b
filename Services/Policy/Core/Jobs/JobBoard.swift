/// Identifies an incoming request that is answered later.
struct RequestToken: Hashable, Sendable {
    let value: UInt64
}

/// The job board: offers the jobs of open cycles to workers that pull, under leases.
///
/// - A worker that is silent for a lease's length loses it; the job goes to another under a new attempt number, and
///   what the silent one had sent is discarded by number.
/// - The cycle whose recovery point objective is missed first goes first; its jobs are spread over the waiting workers,
///   each time to the one with most free slots.
/// - A pull without work waits here, at most one per worker, so pulls are bounded by workers.
struct JobBoard: Sendable {
    enum Outcome: Sendable {
        case answerPull(RequestToken, [JobGrant])
        case finished(ProtectionIdentifier, cycle: UInt64, [StoredJob], sentBytes: UInt64, changedBytes: UInt64)
        case failed(ProtectionIdentifier, cycle: UInt64, PolicyError)
        case moved(ProtectionIdentifier, pendingBytes: UInt64, sentBytes: UInt64)
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

    private struct WaitingPull: Sendable {
        var request: RequestToken
        var freeSlots: Int
        var until: PolicyTime
        var grants: [JobGrant] = []
    }

    private struct Place: Hashable, Sendable {
        var protection: ProtectionIdentifier
        var index: Int
    }

    private var cycles: [ProtectionIdentifier: BoardCycle] = [:]
    private var places: [String: Place] = [:]
    private var workers: [String: WorkerEntry] = [:]
    private var pulls: [String: WaitingPull] = [:]
    private var shares = BandwidthShares()
    private var identifiers: SeededGenerator
    private var outcomes: [Outcome] = []
    /// The last attempts that finished a cycle and left the board, so that a repeated report is answered as the first.
    private var finishedReports: [Report] = []

    private static let finishedReportsMaximum = 1_024

    init(seed: UInt64) { identifiers = SeededGenerator(seed: seed) }

    // MARK: Questions

    /// How many jobs all workers together could run.
    var slots: Int { workers.values.reduce(0) { $0 + max($1.slots, $1.runningJobs) } }

    var openCycles: Int { cycles.count }

    func workers(at now: PolicyTime) -> [WorkerSummary] {
        workers.values.sorted { ($0.introduction.name, $0.introduction.id) < ($1.introduction.name, $1.introduction.id) }
            .map { worker in
                WorkerSummary(
                    introduction: worker.introduction, runningJobs: worker.runningJobs,
                    bytesPerSecond: worker.rate.bytesPerSecond(at: now), lastSeenAgeMilliseconds: now - worker.lastSeen)
            }
    }

    /// Whether a worker that can read this host has been heard of lately.
    func isServed(host: String, named name: String) -> Bool {
        workers.values.contains { $0.introduction.reads(host: host, named: name) }
    }

    var wakesAt: PolicyTime? {
        var times = pulls.values.map(\.until)
        for cycle in cycles.values {
            for index in cycle.running {
                if case .leased(let lease) = cycle.jobs[index].state { times.append(lease.expiresAt) }
            }
            if let since = cycle.unclaimedSince { times.append(since + PolicyLimits.unclaimedMilliseconds) }
        }
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
        cycles[posting.protection] = BoardCycle(posting: posting, identifiers: names)
    }

    /// Takes a cycle's jobs off the board. Its workers hear it with their next report. Harmless when it is not there.
    mutating func withdraw(_ protection: ProtectionIdentifier) {
        guard let cycle = cycles.removeValue(forKey: protection) else { return }
        for job in cycle.jobs {
            places[job.id] = nil
            if case .leased(let lease) = job.state { ended(lease, cycle.posting) }
        }
    }

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

    mutating func report(_ report: Report, readBytes: UInt64, sentBytes: UInt64, now: PolicyTime) -> Directive {
        workers[report.worker]?.lastSeen = now
        guard let (place, cycle, lease) = leased(report) else { return .abandon }
        var renewed = lease
        // A late report never takes back what a later one said.
        renewed.readBytes = max(lease.readBytes, readBytes)
        renewed.sentBytes = max(lease.sentBytes, sentBytes)
        renewed.expiresAt = now + PolicyLimits.leaseMilliseconds
        cycles[place.protection]?.renew(place.index, renewed)
        moved(place.protection, report.worker, by: renewed.sentBytes - lease.sentBytes, now: now)
        return .goOn(bandwidthBytesPerSecond: share(cycle.posting))
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
        let stored = StoredJob(job: report.job, attempt: report.attempt, digest: digest)
        cycles[place.protection]?.finish(place.index, stored, sentBytes: sentBytes, changedBytes: changedBytes)
        ended(lease, cycle.posting)
        moved(place.protection, report.worker, by: sentBytes - min(sentBytes, lease.sentBytes), now: now)
        remember(report)
        completeIfFinished(place.protection)
    }

    /// Throws `leaseLost` when the lease had ended anyway.
    mutating func fail(_ report: Report, _ error: PolicyError, now: PolicyTime) throws {
        workers[report.worker]?.lastSeen = now
        guard let (place, cycle, lease) = leased(report) else { throw lost(report) }
        ended(lease, cycle.posting)
        cycles[place.protection]?.release(place.index, failed: true)
        let failures = cycle.jobs[place.index].failures + 1
        if Self.isFinal(error.code) || failures >= PolicyLimits.jobFailuresMaximum {
            failCycle(place.protection, error)
        }
    }

    // MARK: Settling

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
                guard let worker = freest(for: posting), let granted = cycles[posting.protection]?.lease(to: worker, now: now)
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
            let (leftFree, rightFree) = (left.value.freeSlots - left.value.grants.count, right.value.freeSlots - right.value.grants.count)
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

    // MARK: Small steps

    private func leased(_ report: Report) -> (Place, BoardCycle, BoardCycle.Lease)? {
        guard let place = places[report.job], let cycle = cycles[place.protection],
            case .leased(let lease) = cycle.jobs[place.index].state,
            lease.attempt == report.attempt, lease.worker == report.worker
        else { return nil }
        return (place, cycle, lease)
    }

    private func isRepeated(_ report: Report) -> Bool {
        if finishedReports.contains(report) { return true }
        guard let place = places[report.job], let cycle = cycles[place.protection],
            case .finished(let stored) = cycle.jobs[place.index].state
        else { return false }
        return stored.attempt == report.attempt
    }

    private func lost(_ report: Report) -> PolicyError {
        PolicyError(
            .leaseLost, "The lease of this job has ended; the work no longer counts.",
            facts: ["job": report.job, "attempt": "\(report.attempt)"])
    }

    private func share(_ posting: JobPosting) -> UInt64 {
        shares.share(of: posting.bandwidthBytesPerSecond, posting.bandwidth)
    }

    private mutating func ended(_ lease: BoardCycle.Lease, _ posting: JobPosting) {
        shares.ended(posting.bandwidth)
        workers[lease.worker]?.runningJobs -= 1
    }

    private mutating func moved(_ protection: ProtectionIdentifier, _ worker: String, by bytes: UInt64, now: PolicyTime) {
        workers[worker]?.rate.add(bytes, at: now)
        guard let pending = cycles[protection]?.pendingBytes else { return }
        outcomes.append(.moved(protection, pendingBytes: pending, sentBytes: bytes))
    }

    private mutating func remember(_ report: Report) {
        finishedReports.append(report)
        if finishedReports.count > Self.finishedReportsMaximum { finishedReports.removeFirst() }
    }

    private mutating func completeIfFinished(_ protection: ProtectionIdentifier) {
        guard let cycle = cycles[protection], cycle.isFinished else { return }
        withdraw(protection)
        outcomes.append(
            .finished(
                protection, cycle: cycle.posting.cycle, cycle.storedJobs, sentBytes: cycle.sentBytes,
                changedBytes: cycle.changedBytes))
    }

    private mutating func failCycle(_ protection: ProtectionIdentifier, _ error: PolicyError) {
        guard let cycle = cycles[protection] else { return }
        withdraw(protection)
        outcomes.append(.failed(protection, cycle: cycle.posting.cycle, error))
    }

    /// Whether trying the job again, even by another worker, cannot help.
    private static func isFinal(_ code: PolicyError.Code) -> Bool {
        switch code {
        case .staleGeneration, .resourceExhausted, .wrongParent, .notFound:
            true
        case .invalidArgument, .alreadyExists, .conflict, .failedPrecondition, .unavailable, .deadlineExceeded,
            .unsupportedVersion, .unimplemented, .corruptData, .leaseLost, .internal:
            false
        }
    }
}
