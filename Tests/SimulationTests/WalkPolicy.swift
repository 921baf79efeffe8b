import Messages
import Repeatable
import SwiftProtobuf

@testable import Policy

/// The policy service's engine and a store, as its loop joins them: decide, store, act.
struct WalkPolicy {
    private var store = MemoryPolicyStore()
    private var engine: PolicyEngine
    private var agentCalls: [Int: AgentOrder] = [:]
    private var vaultCalls: [Int: VaultCall] = [:]
    private var asked: [RequestToken: Int] = [:]
    private var pulls: [RequestToken: Int] = [:]
    private var tokens: UInt64 = 0
    private var random: SeededRandom
    private let numbers: WalkNumbers
    /// The highest number that was given, by protection.
    private(set) var highestCycles: [String: UInt64] = [:]
    /// The number of the last event that it heard.
    private(set) var heard: UInt64 = 0

    init(seed: UInt64, now: Int64, numbers: WalkNumbers) {
        random = SeededRandom(seed: seed)
        self.numbers = numbers
        engine = PolicyEngine(stored: StoredState(), seed: random.next(), now: PolicyTime(milliseconds: now))
    }

    /// What follows happens to this one alone.
    mutating func fork() { store = MemoryPolicyStore(copying: store) }

    mutating func restart(now: Int64) {
        engine = PolicyEngine(stored: store.loadNow(), seed: random.next(), now: PolicyTime(milliseconds: now))
        agentCalls = [:]
        vaultCalls = [:]
        asked = [:]
        pulls = [:]
        heard = 0
    }

    // MARK: What happens to it; nil: it was killed meanwhile

    mutating func passTime(now: Int64, kill: WalkKill? = nil) throws -> [WalkOutput]? {
        try handle(.timePassed, now: now, kill: kill)
    }

    mutating func ask(_ question: WalkQuestion, now: Int64, kill: WalkKill?) throws -> [WalkOutput]? {
        guard case .policyRequest(let body) = question.body else {
            throw WalkViolation("the policy service was asked what it does not answer: \(question.body)")
        }
        do {
            let request = try ServiceRequest(wire: body)
            let token = nextToken()
            asked[token] = question.number
            return try handle(.asked(token, request), now: now, kill: kill)
        } catch let error as PolicyError {
            return [.answer(question.number, .failure(error.remote))]
        }
    }

    mutating func answered(_ number: Int, _ reply: WalkReply, now: Int64, kill: WalkKill?) throws -> [WalkOutput]? {
        if let order = agentCalls.removeValue(forKey: number) {
            let result = Self.result { () throws -> AgentAnswer in
                guard case .agentReply(let body) = try reply.get(), let wire = body.reply else { throw Self.nonsense }
                return try order.call.answer(wire)
            }
            return try handle(.agentAnswered(order.protection, order.number, result), now: now, kill: kill)
        }
        guard let call = vaultCalls.removeValue(forKey: number) else { return [] }
        let result = Self.result { () throws -> ProtectionEntry? in
            guard case .vaultReply(let body) = try reply.get(), let wire = body.reply else { throw Self.nonsense }
            return try call.answer(wire)
        }
        return try handle(.vaultAnswered(call, result), now: now, kill: kill)
    }

    mutating func hear(_ event: VaultEvent, now: Int64, kill: WalkKill?) throws -> [WalkOutput]? {
        heard = event.number
        guard let change = try RegistryChange(wire: event) else { return [] }
        return try handle(.registryChanged(change), now: now, kill: kill)
    }

    mutating func take(_ snapshot: Snapshot, now: Int64, kill: WalkKill?) throws -> [WalkOutput]? {
        heard = snapshot.eventNumber
        return try handle(.registryTaken(try RegistrySnapshot(wire: snapshot)), now: now, kill: kill)
    }

    mutating func loseVault(now: Int64) throws -> [WalkOutput]? {
        try handle(.vaultLost(PolicyError(.unavailable, "The vault is away.")), now: now, kill: nil)
    }

    mutating func pull(worker: Int, name: String, now: Int64) throws -> [WalkOutput]? {
        guard !pulls.values.contains(worker) else { return [] }
        let token = nextToken()
        pulls[token] = worker
        let introduction = WorkerIntroduction(id: name, name: "worker", controlEndpoint: "", readsHosts: [])
        return try handle(
            .asked(token, .pull(introduction, freeSlots: 2, waitMilliseconds: 5_000)), now: now, kill: nil)
    }

    mutating func finish(
        _ grant: WalkGrant, worker: String, digest: [UInt8]?, now: Int64, kill: WalkKill?
    ) throws -> [WalkOutput]? {
        let report = JobBoard.Report(worker: worker, job: grant.job, attempt: grant.attempt)
        guard let digest else {
            let error = PolicyError(.unavailable, "The connection was lost.")
            return try handle(.asked(nextToken(), .fail(report, error)), now: now, kill: kill)
        }
        return try handle(
            .asked(nextToken(), .finish(report, digest: digest, sentBytes: 1, changedBytes: 1)), now: now, kill: kill)
    }

    // MARK: What is seen of it

    func phase(of protection: String) -> String {
        engine.machines[ProtectionIdentifier(protection)]?.phase.text ?? "no machine"
    }

    var hasOpenJobs: Bool { engine.board.openCycles > 0 }

    /// Every queue has a bound; this is all that it holds of calls.
    var callsUnderWay: Int { agentCalls.count + vaultCalls.count }

    // MARK: Pieces

    private mutating func handle(_ event: EngineEvent, now: Int64, kill: WalkKill?) throws -> [WalkOutput]? {
        let now = PolicyTime(milliseconds: now)
        engine.handle(event, now: now)
        let output = engine.settle(now: now)
        if kill == .beforeStoring, !output.changes.isEmpty { return nil }
        try store.applyNow(output.changes)
        if kill == .afterStoring, !output.changes.isEmpty { return nil }
        var outputs = try output.actions.compactMap { try perform($0) }
        if let wake = engine.wakesAt(after: now) { outputs.append(.wake(at: wake.milliseconds, .policy)) }
        return outputs
    }

    private mutating func perform(_ action: EngineAction) throws -> WalkOutput? {
        switch action {
        case .callAgent(let order):
            guard let host = WalkWords.host(at: order.endpoint) else {
                throw WalkViolation("nobody is at \(order.endpoint)")
            }
            if case .openCapture(let capture) = order.call {
                let highest = highestCycles[order.protection.text, default: 0]
                guard capture.cycle > highest else {
                    throw WalkViolation("cycle number \(capture.cycle) was given after \(highest)")
                }
                highestCycles[order.protection.text] = capture.cycle
            }
            let number = numbers.next()
            agentCalls[number] = order
            return .ask(
                WalkQuestion(
                    number: number, from: .policy, to: .host(host),
                    body: .agentRequest(.with { $0.request = order.call.request(of: order.protection) }),
                    generation: order.generation, operation: random.bytes(16),
                    deadlineMilliseconds: order.call.deadlineMilliseconds))
        case .callVault(let call):
            let number = numbers.next()
            vaultCalls[number] = call
            return .ask(
                WalkQuestion(
                    number: number, from: .policy, to: .vault, body: .vaultRequest(.with { $0.request = call.request }),
                    generation: 0, operation: random.bytes(16),
                    deadlineMilliseconds: PolicyLimits.vaultDeadlineMilliseconds))
        case .answer(let token, .success(.grants(let grants))):
            guard let worker = pulls.removeValue(forKey: token) else { return nil }
            return .grant(worker: worker, grants.map(Self.grant))
        case .answer(let token, let result):
            pulls[token] = nil
            guard let number = asked.removeValue(forKey: token) else { return nil }
            return .answer(number, Self.reply(result))
        case .answerHistory(let token, let protection, let limit):
            guard let number = asked.removeValue(forKey: token) else { return nil }
            return .answer(number, Self.reply(.success(.history(store.historyNow(of: protection, limit: limit)))))
        }
    }

    private static func grant(_ grant: JobGrant) -> WalkGrant {
        WalkGrant(
            job: grant.job, attempt: grant.attempt, cycle: grant.posting.cycle, token: grant.posting.door.token,
            address: grant.piece.nbdURI, offset: grant.piece.offset, length: grant.piece.length,
            diverged: Set(grant.piece.diverged.map { Int($0.lowerBound / WalkGuest.blockBytes) }))
    }

    private static func reply(_ result: Result<ServiceAnswer, PolicyError>) -> WalkReply {
        switch result {
        case .success(let answer):
            .success(answer.body(identity: ServiceIdentity(name: "walk", version: "0"), uptimeSeconds: 0))
        case .failure(let error): .failure(error.remote)
        }
    }

    private static let nonsense = PolicyError(.internal, "The answer is of another kind.")

    private static func result<Value>(_ body: () throws -> Value) -> Result<Value, PolicyError> {
        do {
            return .success(try body())
        } catch {
            return .failure(PolicyError(thrown: error))
        }
    }

    private mutating func nextToken() -> RequestToken {
        tokens += 1
        return RequestToken(value: tokens)
    }
}
