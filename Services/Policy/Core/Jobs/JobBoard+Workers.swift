// Who works, who does not any more, and what people see of it.

extension JobBoard {
    func isServing(_ worker: WorkerEntry) -> Bool { !worker.hasLeft && !drained.contains(worker.introduction.name) }

    /// Whether a worker that can read this host, and may, has been heard of lately.
    func isServed(host: String, named name: String) -> Bool {
        workers.values.contains { isServing($0) && $0.introduction.reads(host: host, named: name) }
    }

    /// Gives the workers of this name no job any more.
    ///
    /// - Returns: whether it was not so before.
    mutating func drain(_ name: String, now: PolicyTime) throws -> Bool {
        if drained.contains(name) { return false }
        guard workers.values.contains(where: { $0.introduction.name == name }) else {
            throw PolicyError(
                .notFound, "No replication worker named \(name) has asked for work lately.",
                remedy: "See them with: bascule workers")
        }
        guard drained.count < PolicyLimits.workersMaximum else {
            throw PolicyError(
                .resourceExhausted, "There are already \(PolicyLimits.workersMaximum) drained workers.",
                remedy: "Resume those that are no more; a day after they were last seen they are forgotten.")
        }
        drained.drain(name, now: now)
        return true
    }

    /// - Returns: whether it was drained.
    mutating func resume(_ name: String) throws -> Bool {
        if drained.resume(name) { return true }
        guard workers.values.contains(where: { $0.introduction.name == name }) else {
            throw PolicyError(
                .notFound, "No replication worker named \(name) is known or drained.",
                remedy: "See them with: bascule workers")
        }
        return false
    }

    /// The worker stops. What it runs it may still finish or give back.
    mutating func leave(_ worker: String) {
        workers[worker]?.hasLeft = true
        if let pull = pulls.removeValue(forKey: worker) { outcomes.append(.answerPull(pull.request, pull.grants)) }
    }

    /// - Parameter name: nil: all.
    func workers(named name: String? = nil, at now: PolicyTime) -> [WorkerSummary] {
        var jobs: [String: [WorkerSummary.Job]] = [:]
        for cycle in cycles.values {
            for index in cycle.running {
                guard case .leased(let lease) = cycle.jobs[index].state else { continue }
                jobs[lease.worker, default: []].append(Self.summary(of: cycle, index, lease, now: now))
            }
        }
        var list = workers.values.map { worker in
            summary(of: worker, (jobs[worker.introduction.id] ?? []).sorted { $0.job < $1.job }, now: now)
        }
        let present = Set(list.map(\.introduction.name))
        list += drained.names.subtracting(present).map { name in
            WorkerSummary(
                introduction: WorkerIntroduction(id: "", name: name, controlEndpoint: "", readsHosts: []), slots: 0,
                runningJobs: 0, bytesPerSecond: 0, jobBytesPerSecond: 0, lastSeenAgeMilliseconds: nil,
                state: .drained, jobs: [])
        }
        return list.filter { name == nil || $0.introduction.name == name }.sorted {
            ($0.introduction.name, $0.introduction.id) < ($1.introduction.name, $1.introduction.id)
        }
    }

    private func summary(of worker: WorkerEntry, _ jobs: [WorkerSummary.Job], now: PolicyTime) -> WorkerSummary {
        let state: WorkerSummary.State
        if isServing(worker) {
            state = .working
        } else {
            state = worker.runningJobs > 0 ? .draining : .drained
        }
        return WorkerSummary(
            introduction: worker.introduction, slots: max(worker.slots, worker.runningJobs),
            runningJobs: worker.runningJobs, bytesPerSecond: worker.rate.bytesPerSecond(at: now),
            jobBytesPerSecond: worker.speed.bytesPerSecond, lastSeenAgeMilliseconds: now - worker.lastSeen,
            state: state, jobs: jobs)
    }

    private static func summary(
        of cycle: BoardCycle, _ index: Int, _ lease: BoardCycle.Lease, now: PolicyTime
    ) -> WorkerSummary.Job {
        let piece = cycle.jobs[index].piece
        return WorkerSummary.Job(
            job: cycle.jobs[index].id, protection: cycle.posting.protection, guestName: cycle.posting.guestName,
            cycle: cycle.posting.cycle, kind: cycle.posting.kind, diskTarget: piece.diskTarget,
            readBytes: lease.readBytes, changedBytes: piece.changedBytes,
            bytesPerSecond: UInt64(Double(lease.sentBytes) * 1_000 / Double(max(1_000, now - lease.grantedAt))))
    }
}
