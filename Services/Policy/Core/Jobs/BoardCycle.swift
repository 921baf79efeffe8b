/// One cycle's jobs on the board.
///
/// Always: every attempt number is given once; a job is waiting, leased, or finished; `waiting` and `running` list
/// exactly the jobs in those states.
struct BoardCycle: Sendable {
    struct Lease: Hashable, Sendable {
        var attempt: UInt32
        var worker: String
        var grantedAt: PolicyTime
        var expiresAt: PolicyTime
        /// When a report last said more than the one before.
        var movedAt: PolicyTime
        var readBytes: UInt64 = 0
        var sentBytes: UInt64 = 0
        /// Of the piece's range; of a worker that does not tell it, 0.
        var doneBytes: UInt64 = 0
        /// The share that the worker was last told; 0: no limit.
        var bandwidthBytesPerSecond: UInt64 = 0

        func hasMoved(since before: Lease) -> Bool {
            readBytes > before.readBytes || sentBytes > before.sentBytes || doneBytes > before.doneBytes
        }
    }

    enum JobState: Hashable, Sendable {
        case waiting
        case leased(Lease)
        case finished(StoredJob)
    }

    struct Job: Hashable, Sendable {
        var id: String
        var piece: JobPiece
        var state: JobState = .waiting
        var failures = 0
        /// Names of the workers that failed it: no more than its failures.
        var failedBy: Set<String> = []
        /// When it failed first.
        var failingSince: PolicyTime?
        /// It is not offered before.
        var pausedUntil: PolicyTime?
        var expiries = 0
        var returns = 0
    }

    /// Why a job goes back to the waiting ones.
    enum Release: Hashable, Sendable {
        case failed(by: String, at: PolicyTime)
        case expired
        /// Its worker stops; that says nothing against the job.
        case givenBack
    }

    /// How much others have to wait for it.
    enum Weight: Hashable, Sendable {
        case small
        /// An ordinary one of so many jobs that others must not wait for all of them.
        case large
        /// A first or comparing one.
        case long
    }

    var posting: JobPosting
    private(set) var jobs: [Job]
    /// Indices of waiting jobs, the next one last.
    private(set) var waiting: [Int]
    private(set) var running: Set<Int> = []
    /// Estimated bytes of the waiting jobs.
    private(set) var waitingBytes: UInt64
    private let totalBytes: UInt64
    private(set) var sentBytes: UInt64 = 0
    private(set) var changedBytes: UInt64 = 0
    private var finishedBytes: UInt64 = 0
    private var finishedCount = 0
    /// When a job was last finished.
    private var finishedAt: PolicyTime?
    private var attemptsMade: UInt32 = 0
    /// Since when nothing runs and no worker was there that could have pulled; kept by the board.
    var unclaimedSince: PolicyTime?
    /// Whether others go before it, because one like it went last; kept by the board. A long one whose grace is over gives
    /// way to ordinary ones, and a large one to small ones.
    var givesWay = false
    /// Since when its next job waits for a faster worker; kept by the board.
    var heldSince: PolicyTime?

    init(posting: JobPosting, identifiers: [String]) {
        precondition(posting.pieces.count == identifiers.count, "every job needs an identifier")
        self.posting = posting
        jobs = zip(identifiers, posting.pieces).map { Job(id: $0, piece: $1) }
        waiting = Array(jobs.indices.reversed())
        totalBytes = posting.pieces.reduce(0) { $0 + $1.changedBytes }
        waitingBytes = totalBytes
    }

    var isFinished: Bool { finishedCount == jobs.count }

    var weight: Weight {
        if posting.isLong { return .long }
        return totalBytes > PolicyLimits.largeCycleBytes ? .large : .small
    }

    /// Estimated bytes that are not yet read.
    var pendingBytes: UInt64 {
        let underWay = running.reduce(UInt64(0)) { sum, index in
            guard case .leased(let lease) = jobs[index].state else { return sum }
            return sum + min(lease.readBytes, jobs[index].piece.changedBytes)
        }
        return totalBytes - min(totalBytes, finishedBytes + underWay)
    }

    /// Of the running jobs, in no order.
    var leases: [Lease] {
        running.compactMap { index in
            guard case .leased(let lease) = jobs[index].state else { return nil }
            return lease
        }
    }

    var storedJobs: [StoredJob] {
        jobs.compactMap { job in
            guard case .finished(let stored) = job.state else { return nil }
            return stored
        }
    }

    /// The next job, and if a worker failed that one, the next that none failed: the others go on while it waits for a
    /// worker that did not.
    var nextJobs: [Int] {
        guard let next = waiting.last else { return [] }
        guard !jobs[next].failedBy.isEmpty, let sound = waiting.last(where: { jobs[$0].failedBy.isEmpty }) else {
            return [next]
        }
        return [next, sound]
    }

    mutating func lease(_ index: Int, to worker: String, now: PolicyTime) -> (job: String, attempt: UInt32) {
        guard let place = waiting.lastIndex(of: index) else {
            preconditionFailure("a job was leased that did not wait")
        }
        if place == waiting.count - 1 { heldSince = nil }
        waiting.remove(at: place)
        attemptsMade += 1
        jobs[index].state = .leased(
            Lease(
                attempt: attemptsMade, worker: worker, grantedAt: now,
                expiresAt: now + PolicyLimits.leaseMilliseconds, movedAt: now))
        running.insert(index)
        waitingBytes -= jobs[index].piece.changedBytes
        return (jobs[index].id, attemptsMade)
    }

    mutating func renew(_ index: Int, _ lease: Lease) {
        precondition(running.contains(index), "a lease was renewed that does not run")
        jobs[index].state = .leased(lease)
    }

    /// Notes the share of the bandwidth that a running job was told.
    mutating func tell(_ index: Int, share: UInt64) {
        guard case .leased(var lease) = jobs[index].state else { return }
        lease.bandwidthBytesPerSecond = share
        jobs[index].state = .leased(lease)
    }

    mutating func finish(
        _ index: Int, _ stored: StoredJob, sentBytes: UInt64, changedBytes: UInt64, now: PolicyTime
    ) {
        precondition(running.remove(index) != nil, "a job finished that did not run")
        jobs[index].state = .finished(stored)
        finishedCount += 1
        finishedAt = now
        finishedBytes += jobs[index].piece.changedBytes
        self.sentBytes &+= sentBytes
        self.changedBytes &+= changedBytes
    }

    /// Whether the way may be cut for a while rather than this job be at fault: jobs were finished, and none was since it
    /// failed first.
    func isCutOff(_ index: Int, now: PolicyTime) -> Bool {
        guard weight != .small, let finishedAt, let since = jobs[index].failingSince else { return false }
        return finishedAt <= since && now - since < PolicyLimits.outageMilliseconds
    }

    /// A waiting job is not offered until then.
    mutating func pause(_ index: Int, until: PolicyTime) { jobs[index].pausedUntil = until }

    /// Back to the waiting ones, ahead of the others, because the cycle waits for it longest.
    mutating func release(_ index: Int, _ why: Release) {
        precondition(running.remove(index) != nil, "a job was released that did not run")
        jobs[index].state = .waiting
        switch why {
        case .failed(let worker, let now):
            jobs[index].failures += 1
            jobs[index].failedBy.insert(worker)
            jobs[index].failingSince = jobs[index].failingSince ?? now
        case .expired: jobs[index].expiries += 1
        case .givenBack: jobs[index].returns += 1
        }
        waiting.append(index)
        waitingBytes += jobs[index].piece.changedBytes
    }
}
