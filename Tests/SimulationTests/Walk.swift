import Foundation
import Messages
import Repeatable

/// Vault, policy service, orchestrator, two hosts with their agents and guests, workers, an operator, and a network that
/// loses, delays and repeats: all in one thread, in virtual time, from one seed. The services' decisions are their own;
/// what they say to each other goes through the words of the wire.
struct Walk {
    /// How unkind the world is, in thousandths of what happens.
    struct Faults {
        var lostRequests: UInt64 = 15
        var lostAnswers: UInt64 = 15
        var repeatedRequests: UInt64 = 25
        var serviceKills: UInt64 = 3
        var agentKills: UInt64 = 6
        var hasChaos = true

        static let none = Faults(
            lostRequests: 0, lostAnswers: 0, repeatedRequests: 0, serviceKills: 0, agentKills: 0, hasChaos: false)
    }

    enum Happening {
        case deliver(WalkQuestion, isAnswered: Bool)
        case answer(WalkQuestion, WalkReply)
        case event(VaultEvent)
        case catchUp
        case alarm(WalkAlarm, life: Int)
        /// Workers ask now and then anyway, and when they got something.
        case workerPulls(Int, isRegular: Bool)
        case workerFinishes(Int, WalkGrant)
        case guests
        case report(Int)
        case agentStarts(Int)
        case hostTicks
        case chaos
        case operates
    }

    let seed: UInt64
    var faults = Faults()
    var now: Int64 = 1_000_000
    var steps = 0
    var random: SeededRandom
    let numbers = WalkNumbers()
    var vault: WalkVault
    var policy: WalkPolicy
    var orchestrator: WalkOrchestrator
    var hosts = [WalkHost(index: 0), WalkHost(index: 1)]
    var truth = WalkTruth()
    var isVaultAway = false
    var isPolicyAway = false
    /// Each start of a service is another life; alarms of an earlier one mean nothing.
    var policyLife = 0
    var orchestratorLife = 0
    var policyWake: Int64?
    var workers = ["w0", "w1"]
    var workerStarts = 2
    var writes = 0
    /// The host whose guest it is while it is not protected.
    var owner = 0
    var asking: [Int: WalkQuestion] = [:]
    var counts: [String: Int] = [:]
    /// One kill that is wanted at a place of its own.
    var plannedKill: WalkPlannedKill?
    /// What each service has handled so far.
    var handled: [WalkPeer: Int] = [:]
    /// The last things that happened, for whoever looks into a failure.
    var trace: [String] = []
    /// Of all that happened and when (FNV-1a): two walks from one seed have the same, also in two processes.
    private(set) var digest: UInt64 = 0xCBF2_9CE4_8422_2325
    private var agenda = Agenda<Int64, Happening>()
    var lastArrival: [String: Int64] = [:]

    init(seed: UInt64) throws {
        self.seed = seed
        random = SeededRandom(seed: seed)
        vault = WalkVault(seed: random.next(), now: now)
        policy = WalkPolicy(seed: random.next(), now: now, numbers: numbers)
        orchestrator = WalkOrchestrator(numbers: numbers)
        hosts[0].ownDisk = (0..<WalkGuest.blocks).map { 1_000 + $0 }
        hosts[0].guest = WalkGuest(
            isOn: true, startsWithHost: random.happens(500), isOwn: true, shadow: hosts[0].ownDisk ?? [])
        for index in hosts.indices { hosts[index].agentStarts() }
        try protect()
        plan(.catchUp, after: 1)
        plan(.guests, after: 10)
        plan(.hostTicks, after: 100)
        plan(.chaos, after: 5_000)
        plan(.operates, after: 20_000)
        for index in hosts.indices { plan(.report(index), after: 100) }
        for index in workers.indices { plan(.workerPulls(index, isRegular: true), after: 5) }
    }

    // MARK: Running

    /// A copy from which on each goes its own way.
    func forked() -> Walk {
        var copy = self
        copy.vault.fork()
        copy.policy.fork()
        return copy
    }

    /// Whether the service is to be killed while it handles what comes now.
    mutating func isKilledNow(_ peer: WalkPeer) -> Bool {
        handled[peer, default: 0] += 1
        guard let plan = plannedKill, plan.peer == peer, plan.count == handled[peer] else { return false }
        plannedKill = nil
        return true
    }

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
        do {
            try take(next.what)
            try truth.check(&hosts, registered: protection)
        } catch let found as WalkViolation {
            throw violation(found.description)
        }
    }

    private mutating func take(_ what: Happening) throws {
        switch what {
        case .deliver(let question, let isAnswered): try deliver(question, isAnswered: isAnswered)
        case .answer(let question, let reply): try hand(reply, to: question)
        case .event(let event):
            // A gap is seen, and a snapshot taken.
            guard !isVaultAway, !random.happens(faults.lostAnswers), !isPolicyAway else { return }
            if event.number == policy.heard + 1 {
                try tellPolicy { try $0.hear(event, now: $1, kill: $2) }
            } else if event.number > policy.heard {
                try takeSnapshot()
            }
        case .catchUp:
            plan(.catchUp, after: 2_000)
            for event in isVaultAway ? [] : try vault.checkSilence(now: now) { plan(.event(event), after: latency()) }
            try takeSnapshot()
        case .alarm(.policy, policyLife):
            policyWake = nil
            try tellPolicy { try $0.passTime(now: $1, kill: $2) }
        case .alarm(.run(let run, let number), orchestratorLife):
            try tellOrchestrator { try $0.wake(run, number: number, now: $1, kill: $2) }
        case .alarm: break
        case .workerPulls(let index, let isRegular):
            if isRegular { plan(.workerPulls(index, isRegular: true), after: 1_000) }
            let name = workers[index]
            if !isPolicyAway {
                try tellPolicy { (policy, now, _) in try policy.pull(worker: index, name: name, now: now) }
            }
        case .workerFinishes(let index, let grant): try finish(index, grant)
        case .guests:
            plan(.guests, after: Int64.random(in: 50...2_000, using: &random))
            for index in hosts.indices where hosts[index].guest?.isOn == true && random.happens(600) {
                writes += 1
                hosts[index].write(Int.random(in: 0..<WalkGuest.blocks, using: &random), writes)
            }
        case .report(let index):
            plan(.report(index), after: 5_000)
            try report(index)
        case .agentStarts(let index):
            guard !hosts[index].isUp else { return }
            note("agent \(index) starts")
            hosts[index].boots()
            hosts[index].agentStarts()
            try report(index)
        case .hostTicks:
            plan(.hostTicks, after: 300)
            try tickHosts()
        case .chaos:
            plan(.chaos, after: Int64.random(in: 200...6_000, using: &random))
            if faults.hasChaos { try disturb() }
        case .operates:
            plan(.operates, after: Int64.random(in: 500...15_000, using: &random))
            if faults.hasChaos { try operate() }
        }
    }

    private mutating func tickHosts() throws {
        for index in hosts.indices where hosts[index].isUp {
            armKill(index)
            try hosts[index].work()
            if hosts[index].isUp {
                do {
                    try hosts[index].watch(now: now)
                } catch is WalkKilled {
                    hosts[index].agentEnds()
                }
            }
            disarm(index)
        }
    }

    // MARK: Small steps

    var protection: Protection? { vault.protection }

    mutating func armKill(_ index: Int) {
        if let plan = plannedKill, plan.peer == .host(index) {
            let left = plan.count - hosts[index].stepsTaken
            hosts[index].killIn = left >= 0 ? left : nil
            return
        }
        guard random.happens(faults.agentKills) else { return }
        hosts[index].killIn = Int.random(in: 0...8, using: &random)
    }

    mutating func disarm(_ index: Int) {
        hosts[index].killIn = nil
        guard !hosts[index].isUp else { return }
        comeBack(index)
    }

    mutating func comeBack(_ index: Int) {
        counts["agent kills", default: 0] += 1
        if let plan = plannedKill, plan.peer == .host(index) {
            plannedKill = nil
            return self.plan(.agentStarts(index), after: 2_000)
        }
        plan(.agentStarts(index), after: Int64.random(in: 300...(random.happens(200) ? 60_000 : 6_000), using: &random))
    }

    mutating func plan(_ what: Happening, after milliseconds: Int64) { plan(what, at: now + milliseconds) }

    mutating func plan(_ what: Happening, at time: Int64) { agenda.plan(what, at: time) }

    mutating func latency() -> Int64 {
        random.happens(20) ? Int64.random(in: 100...4_000, using: &random) : Int64.random(in: 1...40, using: &random)
    }

    mutating func note(_ sentence: String) {
        let line = "\(now) \(sentence)"
        for byte in line.utf8 { digest = (digest ^ UInt64(byte)) &* 0x0100_0000_01B3 }
        trace.append(line)
        if trace.count > 4_000 { trace.removeFirst(2_000) }
    }

    func violation(_ message: String) -> WalkViolation {
        WalkViolation(
            "seed \(seed), step \(steps): \(message)\nRun it again: BASCULE_SEED=\(seed). The last that happened:\n"
                + trace.suffix(Int(ProcessInfo.processInfo.environment["BASCULE_TRACE"] ?? "") ?? 60).joined(
                    separator: "\n"))
    }
}
