@testable import Policy

// The replication workers: they pull, move nothing, and report.

extension SimulatedWorld {
    mutating func pull(_ index: Int) throws {
        guard workers[index].isAlive, !pullers.values.contains(index) else { return }
        let free = 2 - workers[index].running
        guard free > 0 else { return }
        let token = nextToken()
        pullers[token] = index
        let introduction = WorkerIntroduction(
            id: workers[index].id, name: "worker", controlEndpoint: "", readsHosts: [])
        try tell(.asked(token, .pull(introduction, freeSlots: free, waitMilliseconds: 5_000)))
    }

    mutating func give(_ grants: [JobGrant], to index: Int) throws {
        for grant in grants {
            // Nonces are built from attempts, so under one key an attempt number is used once.
            let name = "\(grant.posting.protection)/\(grant.posting.cycle)/\(grant.posting.door.token)/\(grant.attempt)"
            guard attempts.insert(name).inserted else { throw violation("attempt \(name) was given twice") }
            guard workers[index].isAlive else { continue }
            workers[index].running += 1
            if happens(faults.chaos ? 2 : 0) { continue }
            plan(.workerReports(index, grant), after: 1_000)
            plan(.workerFinishes(index, grant), after: Int64.random(in: 20...4_000, using: &random))
        }
        plan(.workerPulls(index), after: 10)
    }

    private func key(_ index: Int, _ grant: JobGrant) -> JobBoard.Report {
        JobBoard.Report(worker: workers[index].id, job: grant.job, attempt: grant.attempt)
    }

    mutating func report(_ index: Int, _ grant: JobGrant) throws {
        guard workers[index].isAlive else { return }
        try tell(.asked(nextToken(), .report(key(index, grant), readBytes: 1, sentBytes: 1)))
    }

    mutating func finish(_ index: Int, _ grant: JobGrant) throws {
        guard workers[index].isAlive else { return }
        workers[index].running = max(0, workers[index].running - 1)
        plan(.workerPulls(index), after: 5)
        let id = grant.posting.protection
        // Reading works only while the very capture is open that the job was cut from.
        let version = sites[id]?.source.capture?.version
        guard let version, "sim:\(version)" == grant.piece.nbdURI else {
            let error = PolicyError(.unavailable, "connection lost")
            return try tell(.asked(nextToken(), .fail(key(index, grant), error)))
        }
        let door = grant.posting.door
        guard sites[id]?.target.store(job: grant.job, attempt: grant.attempt, version: version, door: door) == true
        else {
            // As a receiver says that knows its token no more.
            let error = PolicyError(.notFound, "the token is of no open cycle")
            return try tell(.asked(nextToken(), .fail(key(index, grant), error)))
        }
        for _ in 0...(happens(10) ? 1 : 0) {
            try tell(
                .asked(nextToken(), .finish(key(index, grant), digest: [1], sentBytes: 1, changedBytes: 1)))
        }
    }
}
