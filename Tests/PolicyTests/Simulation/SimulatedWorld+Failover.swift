@testable import Policy

// The runs of an orchestrator: each chaos step may take a protection one step on from side to side.

extension SimulatedWorld {
    /// - Parameter finishing: take the shortest way to a protection that replicates.
    mutating func advanceFailover(_ id: ProtectionIdentifier, finishing: Bool) throws {
        guard let entry = vault.entries[id] else { return }
        switch (entry.state, entry.activeSide) {
        case (.protected, _), (.resynchronizing, _), (.paused, _):
            guard !finishing, happens(4), sites[id].map({ $0.target.newest > 0 }) == true else { return }
            let isPlanned = happens(60)
            sites[id]?.failover = SimulatedFailover(isPlanned: isPlanned)
            step(id) { $0.state = .failingOver }
        case (.failingOver, .source):
            try advanceTowardsTarget(id, finishing: finishing)
        case (.failingOver, .target):
            switch finishing ? 0 : random.next() % 6 {
            case 0, 1: reverse(id)
            case 2: step(id) { $0.state = .commitPending }
            case 3: cancel(id)
            default: break
            }
        case (.commitPending, _):
            switch finishing ? 0 : random.next() % 8 {
            case 0, 1: reverse(id)
            case 2: step(id) { $0.state = .committed }
            case 3: cancel(id)
            default: break
            }
        case (.committed, _):
            if finishing || happens(30) { reverse(id) }
        case (.enabling, _), (.seeding, _), (.disabling, _), (.reversing, _):
            break
        }
    }

    /// A guest that a planned failover shut down writes nothing more.
    func isOff(_ id: ProtectionIdentifier) -> Bool {
        guard let failover = sites[id]?.failover else { return false }
        return failover.isPlanned && failover.delta != .notAsked && !failover.isTakenBack
    }

    mutating func triggerAnswered(_ token: RequestToken, _ result: Result<ServiceAnswer, PolicyError>) {
        for id in sites.keys.sorted() where sites[id]?.failover?.delta == .asking(token) {
            let content = sites[id]?.source.version ?? 0
            switch result {
            case .success: sites[id]?.failover?.delta = .asked(content: content)
            // The service has not heard of the failover yet, or not of its policy: the run asks again.
            case .failure: sites[id]?.failover?.delta = .notAsked
            }
        }
    }

    /// While a failover holds a protection, cycles begin only where one was asked for.
    func checkAsked(_ id: ProtectionIdentifier, _ cycle: UInt64) throws {
        guard let machine = engine.machines[id], machine.entry.state == .failingOver else { return }
        guard machine.progress.asked.isUnderWay(in: cycle) else {
            throw violation("cycle \(cycle) of \(id) began during a failover, and nobody had asked for it")
        }
    }

    private mutating func advanceTowardsTarget(_ id: ProtectionIdentifier, finishing: Bool) throws {
        guard let site = sites[id], let failover = site.failover else { return }
        if failover.isTakenBack || finishing || happens(4) { return retreat(id) }
        guard failover.isPlanned else { return happens(30) ? try activate(id) : () }
        switch failover.delta {
        case .notAsked:
            let token = nextToken()
            sites[id]?.failover?.delta = .asking(token)
            try tell(.asked(token, .trigger(id.text, nil)))
        case .asking:
            // Killed before it answered: asking again is harmless.
            if happens(20) { sites[id]?.failover?.delta = .notAsked }
        case .asked(let content):
            guard let newest = site.target.points[site.target.newest], newest > content else { return }
            try activate(id)
        }
    }

    private mutating func activate(_ id: ProtectionIdentifier) throws {
        guard let site = sites[id], let failover = site.failover else { return }
        let choices = failover.isPlanned ? [site.target.newest] : site.target.points.keys.sorted().suffix(3)
        guard let cycle = choices.randomElement(using: &random), let content = site.target.points[cycle] else {
            return retreat(id)
        }
        sites[id]?.failover?.point = SimulatedFailover.Point(cycle: cycle, content: content)
        step(id) { entry in
            entry.generation += 1
            entry.activeSide = .target
            entry.failoverCycle = cycle
        }
        tellAgents(id, both: failover.isPlanned)
    }

    private mutating func cancel(_ id: ProtectionIdentifier) {
        sites[id]?.failover?.isTakenBack = true
        step(id) { entry in
            entry.state = .failingOver
            entry.generation += 1
            entry.activeSide = .source
            entry.failoverCycle = 0
        }
        tellAgents(id, both: true)
    }

    private mutating func retreat(_ id: ProtectionIdentifier) {
        sites[id]?.failover = nil
        step(id) { $0.state = .protected }
    }

    private mutating func reverse(_ id: ProtectionIdentifier) {
        guard let failover = sites[id]?.failover, let point = failover.point else { return }
        // The old source has to answer before it is adopted.
        tellAgents(id, both: true)
        let ownNumber = highestCycle[id, default: 0] + UInt64.random(in: 1...40, using: &random)
        sites[id]?.reverse(from: point, isExact: failover.isPlanned, ownNumber: ownNumber)
        sites[id]?.failover = nil
        reversals += 1
        step(id) { entry in
            swap(&entry.sourceHost, &entry.targetHost)
            swap(&entry.sourceCloud, &entry.targetCloud)
            entry.direction = entry.direction == .forward ? .reverse : .forward
            entry.state = .reversing
            entry.activeSide = .source
            entry.failoverCycle = 0
        }
    }

    /// The target always hears of its generation, because it starts the guest; a dead source does not.
    private mutating func tellAgents(_ id: ProtectionIdentifier, both: Bool) {
        guard let generation = vault.entries[id]?.generation, let site = sites[id] else { return }
        sites[id]?.learn(generation, at: site.targetEndpoint)
        if both || happens(50) { sites[id]?.learn(generation, at: site.sourceEndpoint) }
    }

    private mutating func step(_ id: ProtectionIdentifier, _ change: (inout ProtectionEntry) -> Void) {
        guard let change = vault.advance(id, change) else { return }
        plan(.registryChange(change), after: latency())
    }
}
