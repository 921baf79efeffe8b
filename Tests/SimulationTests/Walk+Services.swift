import Messages
import Repeatable

// The services, each as a value beside its store, and the workers.

extension Walk {
    mutating func tellPolicy(
        _ body: (inout WalkPolicy, Int64, WalkKill?) throws -> [WalkOutput]?
    ) throws {
        guard !isPolicyAway else { return }
        let kill = drawKill(.policy)
        guard let outputs = try body(&policy, now, kill) else {
            counts["policy kills", default: 0] += 1
            return try restartPolicy()
        }
        try perform(outputs)
    }

    mutating func restartPolicy() throws {
        note("the policy service is started again")
        forgetQuestions(to: .policy)
        policyLife += 1
        policyWake = nil
        policy.restart(now: now)
        try perform(try policy.passTime(now: now) ?? [])
        try takeSnapshot()
    }

    mutating func takeSnapshot() throws {
        if isVaultAway {
            try tellPolicy { (policy, now, _) in try policy.loseVault(now: now) }
        } else {
            let snapshot = vault.snapshot
            try tellPolicy { try $0.take(snapshot, now: $1, kill: $2) }
        }
    }

    mutating func tellOrchestrator(
        _ body: (inout WalkOrchestrator, Int64, WalkKill?) throws -> [WalkOutput]?
    ) throws {
        let kill = drawKill(.orchestrator)
        guard let outputs = try body(&orchestrator, now, kill) else {
            counts["orchestrator kills", default: 0] += 1
            return try restartOrchestrator()
        }
        try perform(outputs)
    }

    mutating func restartOrchestrator() throws {
        note("the orchestrator is started again")
        forgetQuestions(to: .orchestrator)
        orchestratorLife += 1
        try perform(try orchestrator.restart(now: now))
    }

    /// Who is started again knows nothing of what it was asked before; the asker hears nothing until its deadline.
    private mutating func forgetQuestions(to peer: WalkPeer) {
        for question in asking.values.filter({ $0.to == peer }).sorted(by: { $0.number < $1.number }) {
            fallSilent(question, true)
        }
    }

    mutating func drawKill(_ peer: WalkPeer) -> WalkKill? {
        let place = plannedKill?.place
        if isKilledNow(peer) { return place }
        guard random.happens(faults.serviceKills) else { return nil }
        return random.happens(500) ? .beforeStoring : .afterStoring
    }

    mutating func perform(_ outputs: [WalkOutput]) throws {
        for output in outputs {
            switch output {
            case .ask(let question): send(question)
            case .answer(let number, let reply):
                guard let question = asking[number] else { continue }
                respond(reply, to: question, true)
            case .wake(let at, .policy):
                guard policyWake.map({ at < $0 }) ?? true else { continue }
                policyWake = at
                plan(.alarm(.policy, life: policyLife), at: max(at, now + 1))
            case .wake(let at, .run(let run, let number)):
                plan(.alarm(.run(run, number: number), life: orchestratorLife), at: max(at, now + 1))
            case .grant(let worker, let grants):
                for grant in grants {
                    // Some workers die with their jobs.
                    if random.happens(faults.serviceKills * 5) { continue }
                    plan(.workerFinishes(worker, grant), after: Int64.random(in: 20...2_000, using: &random))
                }
                plan(.workerPulls(worker, isRegular: false), after: 20)
            }
        }
        guard policy.callsUnderWay < 64, asking.count < 512 else {
            throw violation("\(policy.callsUnderWay) calls of the policy service, \(asking.count) questions in all")
        }
    }

    // MARK: Workers

    mutating func finish(_ index: Int, _ grant: WalkGrant) throws {
        // A block goes with the job that has its beginning; jobs may be smaller than blocks.
        let blocks = (0..<WalkGuest.blocks).filter {
            (grant.offset..<grant.offset + grant.length).contains(UInt64($0) * WalkGuest.blockBytes)
        }
        var digest: [UInt8]?
        for source in hosts.indices {
            guard let (content, changed) = hosts[source].read(grant.address) else { continue }
            digest = hosts[1 - source].receive(grant, blocks, content: content, changed: changed)
        }
        let worker = workers[index]
        try tellPolicy { try $0.finish(grant, worker: worker, digest: digest, now: $1, kill: $2) }
    }
}
