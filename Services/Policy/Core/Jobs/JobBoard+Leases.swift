// Leases, and what follows from them for their cycle.

extension JobBoard {
    func leased(_ report: Report) -> (Place, BoardCycle, BoardCycle.Lease)? {
        guard let place = places[report.job], let cycle = cycles[place.protection],
            case .leased(let lease) = cycle.jobs[place.index].state,
            lease.attempt == report.attempt, lease.worker == report.worker
        else { return nil }
        return (place, cycle, lease)
    }

    func isRepeated(_ report: Report) -> Bool {
        if finishedReports.contains(report) { return true }
        guard let place = places[report.job], let cycle = cycles[place.protection],
            case .finished(let stored) = cycle.jobs[place.index].state
        else { return false }
        return stored.attempt == report.attempt
    }

    func lost(_ report: Report) -> PolicyError {
        PolicyError(
            .leaseLost, "The lease of this job has ended; the work no longer counts.",
            facts: ["job": report.job, "attempt": "\(report.attempt)"])
    }

    /// Everything that counts running jobs hears here of one that begins.
    mutating func began(_ job: String, of worker: String, _ posting: JobPosting, now: PolicyTime) {
        shares.began(
            job, under: posting.bandwidth, posting.bandwidthPlan, pairPlan: posting.pairBandwidthPlan, now: now)
        counts.began(posting)
        workers[worker]?.runningJobs += 1
    }

    mutating func ended(_ job: String, _ lease: BoardCycle.Lease, _ posting: JobPosting) {
        shares.ended(job, under: posting.bandwidth)
        counts.ended(posting)
        workers[lease.worker]?.runningJobs -= 1
    }

    /// What a lease shows of its worker's speed, and of the way's.
    mutating func noteSpeed(
        _ lease: BoardCycle.Lease, _ index: Int, of cycle: BoardCycle, isFinished: Bool, now: PolicyTime
    ) {
        let piece = cycle.jobs[index].piece
        let bytes = isFinished ? piece.changedBytes : min(lease.readBytes, piece.length)
        let time = now - lease.grantedAt
        let allowed = Double(lease.bandwidthBytesPerSecond) / 1_000 * Double(time)
        let isHeldBack = lease.bandwidthBytesPerSecond > 0 && Double(lease.sentBytes) >= allowed * 0.75
        func note(_ speed: inout JobSpeed) {
            if isFinished {
                speed.finished(bytes, in: time, isHeldBack: isHeldBack)
            } else {
                speed.ran(bytes, in: time, isHeldBack: isHeldBack)
            }
        }
        if let worker = workers.index(forKey: lease.worker) { note(&workers.values[worker].speed) }
        // A small one tells more of what each job costs, and a comparing one of the disks.
        guard cycle.weight != .small, cycle.posting.kind != .compare else { return }
        let sites = cycle.posting.sites
        if waySpeeds[sites] == nil, waySpeeds.count >= PolicyLimits.waySpeedsMaximum { waySpeeds = [:] }
        note(&waySpeeds[sites, default: JobSpeed()])
    }

    mutating func moved(_ protection: ProtectionIdentifier, _ worker: String, by bytes: UInt64, now: PolicyTime) {
        workers[worker]?.rate.add(bytes, at: now)
        guard let pending = cycles[protection]?.pendingBytes else { return }
        outcomes.append(.moved(protection, pendingBytes: pending, sentBytes: bytes))
    }

    mutating func remember(_ report: Report) {
        finishedReports.append(report)
        if finishedReports.count > Self.finishedReportsMaximum { finishedReports.removeFirst() }
    }

    mutating func completeIfFinished(_ protection: ProtectionIdentifier) {
        guard let cycle = cycles[protection], cycle.isFinished else { return }
        withdraw(protection)
        outcomes.append(
            .finished(
                protection, cycle: cycle.posting.cycle, cycle.storedJobs, sentBytes: cycle.sentBytes,
                changedBytes: cycle.changedBytes))
    }

    mutating func failCycle(_ protection: ProtectionIdentifier, _ error: PolicyError) {
        guard let cycle = cycles[protection] else { return }
        withdraw(protection)
        outcomes.append(.failed(protection, cycle: cycle.posting.cycle, error))
    }

    /// Whether it may be that nobody is at fault, and that it is over after a while.
    static func mayPass(_ code: PolicyError.Code) -> Bool {
        switch code {
        case .unavailable, .deadlineExceeded:
            true
        case .staleGeneration, .resourceExhausted, .wrongParent, .notFound, .invalidArgument, .alreadyExists, .conflict,
            .failedPrecondition, .unsupportedVersion, .unimplemented, .corruptData, .leaseLost, .internal:
            false
        }
    }

    /// Whether trying the job again, even by another worker, cannot help.
    static func isFinal(_ code: PolicyError.Code) -> Bool {
        switch code {
        case .staleGeneration, .resourceExhausted, .wrongParent, .notFound:
            true
        case .invalidArgument, .alreadyExists, .conflict, .failedPrecondition, .unavailable, .deadlineExceeded,
            .unsupportedVersion, .unimplemented, .corruptData, .leaseLost, .internal:
            false
        }
    }
}
