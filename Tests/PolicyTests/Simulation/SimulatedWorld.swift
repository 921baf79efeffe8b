import Repeatable

@testable import Policy

/// Source and target agents, a vault, workers, an operator, and a network that loses, repeats and delays, around one
/// `PolicyEngine` — all in one thread, in virtual time, from one seed.
struct SimulatedWorld {
    /// How unkind the world is, in percent of messages or of chaos steps.
    struct Faults {
        var lostRequests = 4
        var lostAnswers = 4
        var repeatedRequests = 5
        var nonsense = 2
        var chaos = true

        static let none = Faults(lostRequests: 0, lostAnswers: 0, repeatedRequests: 0, nonsense: 0, chaos: false)
    }

    enum Happening {
        case deliver(AgentOrder, incarnation: Int, answered: Bool)
        case answer(ProtectionIdentifier, CallNumber, Result<AgentAnswer, PolicyError>, incarnation: Int)
        case deliverToVault(VaultCall, incarnation: Int)
        case vaultAnswer(VaultCall, Result<ProtectionEntry?, PolicyError>, incarnation: Int)
        case registryChange(RegistryChange)
        case snapshot
        case wake
        case workerPulls(Int)
        case workerReports(Int, JobGrant)
        case workerFinishes(Int, JobGrant)
        case chaos
    }

    struct Worker {
        var id: String
        var isAlive = true
        var running = 0
    }

    let seed: UInt64
    var faults = Faults()
    private(set) var now = PolicyTime(milliseconds: 1_000_000_000)
    private(set) var steps = 0
    private(set) var commits = 0
    private(set) var engine: PolicyEngine
    var sites: [ProtectionIdentifier: SimulatedSite] = [:]
    var vault = SimulatedVault()
    var random: SeededGenerator
    /// Journeys that were completed, so that a walk without one is noticed.
    var reversals = 0
    private var store = MemoryPolicyStore()
    private var agenda = Agenda<PolicyTime, Happening>()
    private var incarnation = 1
    var isVaultAway = false
    var workers: [Worker] = []
    var pullers: [RequestToken: Int] = [:]
    private var tokens: UInt64 = 0
    private var plannedWake: PolicyTime?
    var attempts: Set<String> = []
    private(set) var highestCycle: [ProtectionIdentifier: UInt64] = [:]

    init(seed: UInt64, protections: Int) throws {
        self.seed = seed
        random = SeededGenerator(seed: seed)
        engine = PolicyEngine(stored: StoredState(), seed: seed, now: now)
        let hosts = [
            HostEntry(id: "h1", name: "alpha", controlEndpoint: "sim:h1"),
            HostEntry(id: "h2", name: "beta", controlEndpoint: "sim:h2"),
        ]
        let key = PairEntry.Key(sourceCloud: "a", targetCloud: "b")
        vault.set(hosts: hosts, pairs: [PairEntry(key: key, policy: "fast")])
        var fast = PolicySettings.builtIn
        fast.name = "fast"
        fast.frequencySeconds = UInt32.random(in: 1...20, using: &random)
        fast.version = 0
        fast.applicationConsistentEverySeconds = random.next() % 2 == 0 ? 0 : 60
        for number in 0..<protections { protect(ProtectionIdentifier("p\(number)")) }
        for number in 0..<3 {
            workers.append(Worker(id: "w\(number)"))
            plan(.workerPulls(number), after: 5)
        }
        plan(.snapshot, after: 1)
        plan(.chaos, after: 1_000)
        try tell(.asked(nextToken(), .putPolicy(fast, expectedVersion: 0)))
    }

    mutating func protect(_ id: ProtectionIdentifier) {
        sites[id] = SimulatedSite()
        let change = vault.put(
            ProtectionEntry(
                id: id, guestUUID: "guest-\(id)", guestName: "guest-\(id)", sourceHost: "h1", targetHost: "h2",
                sourceCloud: "a", targetCloud: "b", state: .enabling, generation: 1, version: 1, policyOverride: "",
                stateReason: "", keepReplica: false))
        plan(.registryChange(change), after: 10)
    }

    // MARK: Running

    mutating func run(steps count: Int) throws {
        for _ in 0..<count { try step() }
    }

    mutating func run(milliseconds: Int64) throws {
        let end = now + milliseconds
        while let next = agenda.next, next <= end { try step() }
        now = max(now, end)
    }

    private mutating func step() throws {
        guard let next = agenda.takeNext() else { throw violation("the world has stopped") }
        now = max(now, next.at)
        steps += 1
        switch next.what {
        case .deliver(let order, let incarnation, let answered):
            try deliver(order, incarnation: incarnation, answered: answered)
        case .answer(let id, let number, let result, incarnation):
            try tell(.agentAnswered(id, number, result))
        case .answer:
            break
        case .deliverToVault(let call, let incarnation):
            deliverToVault(call, incarnation: incarnation)
        case .vaultAnswer(let call, let result, incarnation):
            try tell(.vaultAnswered(call, result))
        case .vaultAnswer:
            break
        case .registryChange(let change):
            // A lost event shows as a gap, which leads to a snapshot.
            if isVaultAway || happens(faults.lostAnswers) { break }
            try tell(.registryChanged(change))
        case .snapshot:
            plan(.snapshot, after: 2_000)
            if isVaultAway {
                try tell(.registryRefused(PolicyError(.unavailable, "away")))
            } else {
                try tell(.registryTaken(vault.snapshot))
            }
        case .wake:
            plannedWake = nil
            try tell(.timePassed)
        case .workerPulls(let index):
            try pull(index)
        case .workerReports(let index, let grant):
            try report(index, grant)
        case .workerFinishes(let index, let grant):
            try finish(index, grant)
        case .chaos:
            plan(.chaos, after: Int64.random(in: 100...3_000, using: &random))
            for id in sites.keys.sorted() where happens(60) && !isOff(id) { sites[id]?.source.write() }
            if faults.chaos { try disturb() }
            for id in sites.keys.sorted() { try advanceFailover(id, finishing: !faults.chaos) }
        }
    }

    // MARK: The service

    mutating func tell(_ event: EngineEvent) throws {
        engine.handle(event, now: now)
        let output = engine.settle(now: now)
        // Killed before it stored anything, and with it nothing was done.
        if faults.chaos, !output.changes.isEmpty, random.next() % 800 == 0 { return try restartService() }
        do {
            try store.applyNow(output.changes)
        } catch {
            throw violation("the store refused: \(error)")
        }
        // Killed after it stored what it was going to do, and before it did it.
        if faults.chaos, !output.changes.isEmpty, random.next() % 400 == 0 { return try restartService() }
        for action in output.actions { try perform(action) }
        if let wake = engine.wakesAt(after: now), plannedWake.map({ wake < $0 }) ?? true {
            plannedWake = wake
            plan(.wake, after: max(1, wake - now))
        }
    }

    mutating func restartService() throws {
        incarnation += 1
        pullers = [:]
        plannedWake = nil
        engine = PolicyEngine(stored: store.loadNow(), seed: random.next(), now: now)
        for index in workers.indices where workers[index].isAlive { plan(.workerPulls(index), after: 50) }
        try tell(.timePassed)
    }

    private mutating func perform(_ action: EngineAction) throws {
        switch action {
        case .callAgent(let order):
            try send(order)
        case .callVault(let call):
            plan(.deliverToVault(call, incarnation: incarnation), after: latency())
        case .answer(let token, .success(.grants(let grants))):
            guard let index = pullers.removeValue(forKey: token) else { break }
            try give(grants, to: index)
        case .answer(let token, let result):
            triggerAnswered(token, result)
        case .answerHistory:
            break
        }
    }

    private mutating func send(_ order: AgentOrder) throws {
        if case .openCapture(let capture) = order.call {
            guard capture.cycle > highestCycle[order.protection, default: 0] else {
                throw violation("cycle number \(capture.cycle) was given twice")
            }
            highestCycle[order.protection] = capture.cycle
            try checkAsked(order.protection, capture.cycle)
        }
        if happens(faults.lostRequests) {
            let lost = PolicyError(.deadlineExceeded, "no answer")
            plan(
                .answer(order.protection, order.number, .failure(lost), incarnation: incarnation),
                after: order.call.deadlineMilliseconds)
        } else {
            plan(.deliver(order, incarnation: incarnation, answered: true), after: latency())
        }
        if happens(faults.repeatedRequests) {
            let late = Int64.random(in: 0...4_000, using: &random)
            plan(.deliver(order, incarnation: incarnation, answered: happens(50)), after: late)
        }
    }

    private mutating func deliver(_ order: AgentOrder, incarnation: Int, answered: Bool) throws {
        guard var site = sites[order.protection] else { return }
        site.source.watch(now: now, deletesCheckpoint: random.next() % 2 == 0)
        var result: Result<AgentAnswer, PolicyError>
        if let refusal = site.refusal(of: order) {
            result = .failure(refusal)
        } else if order.endpoint == site.sourceEndpoint {
            let watched = site.source.checkpoints
            result = site.source.handle(order.call, now: now, random: &random)
            try checkCheckpoints(watched, site, order.call)
        } else {
            let source = site.source
            let (seed, step) = (seed, steps)
            result = try site.target.handle(order.call) { open, jobs, parentContent in
                try Self.verify(open, jobs, parentContent, source, seed: seed, step: step)
            }
            if case .success(.committed) = result { commits += 1 }
        }
        sites[order.protection] = site
        guard answered else { return }
        if happens(faults.nonsense) { result = .success(.done) }
        if happens(faults.lostAnswers) {
            result = .failure(PolicyError(.deadlineExceeded, "no answer"))
            plan(
                .answer(order.protection, order.number, result, incarnation: incarnation),
                after: order.call.deadlineMilliseconds)
        } else {
            plan(.answer(order.protection, order.number, result, incarnation: incarnation), after: latency())
        }
    }

    private mutating func deliverToVault(_ call: VaultCall, incarnation: Int) {
        if isVaultAway || happens(faults.lostRequests) {
            let lost = PolicyError(.unavailable, "the vault is away")
            plan(.vaultAnswer(call, .failure(lost), incarnation: incarnation), after: 5_000)
            return
        }
        let (result, change) = vault.handle(call)
        if let change { plan(.registryChange(change), after: latency()) }
        if happens(faults.lostAnswers) {
            let lost = PolicyError(.deadlineExceeded, "no answer")
            plan(.vaultAnswer(call, .failure(lost), incarnation: incarnation), after: 5_000)
        } else {
            plan(.vaultAnswer(call, result, incarnation: incarnation), after: latency())
        }
    }

    func violation(_ message: String) -> SimulationViolation {
        SimulationViolation(seed: seed, step: steps, message: message)
    }

    // MARK: Small steps

    mutating func plan(_ what: Happening, after milliseconds: Int64) { agenda.plan(what, at: now + milliseconds) }

    mutating func happens(_ percent: Int) -> Bool { Int(random.next() % 100) < percent }

    mutating func latency() -> Int64 { Int64.random(in: 1...60, using: &random) }

    mutating func nextToken() -> RequestToken {
        tokens += 1
        return RequestToken(value: tokens)
    }
}
