import FoundationEssentials

@testable import FailoverOrchestrator

/// Drives one run through a model world in virtual time, and kills it, or spoils an answer, where a test says.
struct ModelRunner {
    enum Trouble: Hashable, Sendable {
        case none
        /// The service is killed before it does its action of this number, and started again.
        case killedBefore(Int)
        /// The service is killed after its call of this number was carried out, before it heard the answer.
        case killedInside(Int)
        /// The call of this number is not carried out, and its caller hears nothing.
        case lost(Int)
        /// The call of this number is carried out, and its caller hears nothing.
        case answerLost(Int)
        /// The call of this number is refused.
        case refused(Int)
        /// The call of this number fails at a peer that could do it the next time.
        case hiccup(Int, OrchestratorError.Code = .unavailable)
        /// Somebody starts the source's guest by hand right before the call of this number.
        case startedByHand(Int)
        /// The same, and it is shut down again at once.
        case ranByHand(Int)
        /// The same, and it is migrated to a third host at once.
        case migratedByHand(Int, withDefinition: Bool)
        /// Somebody unprotects the guest right before the call of this number.
        case unprotected(Int)
        /// This peer is silent from the call of this number on.
        case silent(String, from: Int)
        /// This peer carries out the call of this number, and then nobody hears of it any more.
        case silentAfter(String, answering: Int)
    }

    private(set) var world: ModelWorld
    private(set) var now = Samples.start
    private(set) var actions = 0
    private(set) var calls = 0
    private(set) var machine: RunStateMachine
    private var stored: RunRecord?
    private var pending: [RunAction] = []
    private let trouble: Trouble
    private var wasKilled = false
    /// Every call that was made, by name, in order.
    private(set) var asked: [String] = []
    /// Whether nobody may ever run beside another in this walk.
    var isStrict = true

    init(_ request: RunRequest, in world: ModelWorld, others: [RunRecord] = [], trouble: Trouble = .none) throws {
        self.world = world
        self.trouble = trouble
        machine = RunStateMachine(try Samples.record(request, registry: world.registry, others: others))
        pending = try machine.handle(.begun, now: now)
    }

    var record: RunRecord { machine.record }

    /// Goes on until the run ends, or waits for somebody, or for longer than `limit` milliseconds.
    mutating func walk(limit: Int64 = 3_600_000) throws {
        let deadline = now + limit
        while !record.isEnded, now < deadline {
            guard !pending.isEmpty else { return }
            let action = pending.removeFirst()
            if !wasKilled, trouble == .killedBefore(actions) {
                try restart()
                continue
            }
            actions += 1
            try take(action)
            try record.checkInvariants()
            if isStrict { try world.checkOneRuns() }
        }
        // The end is stored, too.
        for case .store(let record) in pending { try store(record) }
        pending = pending.filter { if case .store = $0 { false } else { true } }
    }

    mutating func send(_ event: RunEvent) throws {
        pending += try machine.handle(event, now: now)
    }

    mutating func heal() {
        world.silent = []
        world.unreachable = []
    }

    /// The guest that went from here to a third host comes back.
    mutating func migrateBack(to host: String) {
        world.hosts[host]?.isElsewhere = false
        world.hosts[host]?.disk = 100
        world.hosts[host]?.guestRuns = true
    }

    /// The vault notices that this host is away.
    mutating func lose(_ host: String) { world.unreachable.insert(host) }

    /// As a restarted service reads it.
    var storedRecord: RunRecord? {
        get throws { try stored.map { try JSONDecoder().decode(RunRecord.self, from: try JSONEncoder().encode($0)) } }
    }

    private mutating func restart() throws {
        wasKilled = true
        guard let record = try storedRecord else {
            // Nothing is known of it: the asker heard nothing and asks again under the same identifier.
            machine = RunStateMachine(
                try Samples.record(self.record.request, registry: world.registry, now: now))
            pending = try machine.handle(.begun, now: now)
            return
        }
        try record.checkInvariants()
        machine = RunStateMachine(record)
        now = now + 2_000
        pending = try machine.handle(.begun, now: now)
    }

    private mutating func store(_ record: RunRecord) throws {
        try record.checkInvariants()
        stored = record
    }

    private mutating func take(_ action: RunAction) throws {
        switch action {
        case .store(let record):
            try store(record)
        case .wake(let time, let number):
            now = max(now, time)
            pending += try machine.handle(.timePassed(number), now: now)
        case .ask(let order):
            let number = calls
            calls += 1
            asked.append(order.call.name)
            now = now + 10
            if case .silent(let peer, from: let first) = trouble, number >= first, !wasKilled {
                world.silent = [peer]
                wasKilled = true
            }
            if trouble == .startedByHand(number) { world.hosts["h1"]?.guestRuns = true }
            if trouble == .ranByHand(number) { world.hosts["h1"]?.ranAgain = true }
            if trouble == .unprotected(number) { world.isUnprotected = true }
            if case .migratedByHand(number, let withDefinition) = trouble {
                world.hosts["h1"]?.isElsewhere = true
                if withDefinition { world.hosts["h1"]?.disk = nil }
            }
            let result: Result<RunAnswer, OrchestratorError>
            switch trouble {
            case .lost(number):
                result = .failure(ModelWorld.silence)
            case .answerLost(number):
                _ = try world.answer(order)
                result = .failure(ModelWorld.silence)
            case .silentAfter(let peer, answering: number):
                _ = try world.answer(order)
                world.silent = [peer]
                result = .failure(ModelWorld.silence)
            case .refused(number):
                result = .failure(OrchestratorError(.failedPrecondition, "refused by the test"))
            case .hiccup(number, let code):
                result = .failure(OrchestratorError(code, "busy in the test"))
            case .killedInside(number) where !wasKilled:
                _ = try world.answer(order)
                return try restart()
            case .none, .killedBefore, .killedInside, .lost, .answerLost, .refused, .hiccup, .silent, .silentAfter,
                .startedByHand, .ranByHand, .migratedByHand, .unprotected:
                result = try world.answer(order)
            }
            if case .failure(let error) = result, error.facts["origin"] == "caller" {
                now = now + order.deadlineMilliseconds
            }
            pending += try machine.handle(.answered(order.number, result), now: now)
        }
    }
}
