import FoundationEssentials
import Messages
import Repeatable
import SwiftProtobuf

@testable import FailoverOrchestrator

/// The orchestrator's book of runs and a store, as its loop joins them: decide, store, act.
struct WalkOrchestrator {
    private var stored: [String: RunRecord] = [:]
    private var book: RunBook
    private var calls: [Int: RunOrder] = [:]
    private var reads: [Int: (RequestToken, FailoverOrchestrator.OrchestratorRequest)] = [:]
    private var asked: [RequestToken: Int] = [:]
    private var tokens: UInt64 = 0
    private let numbers: WalkNumbers

    init(numbers: WalkNumbers) {
        self.numbers = numbers
        book = RunBook(stored: [])
    }

    /// Reads what was stored, as a service does that is started again.
    mutating func restart(now: Int64) throws -> [WalkOutput] {
        calls = [:]
        reads = [:]
        asked = [:]
        book = RunBook(
            stored: try stored.values.sorted(by: { $0.id < $1.id }).map {
                let record = try JSONDecoder().decode(RunRecord.self, from: try JSONEncoder().encode($0))
                try record.checkInvariants()
                return record
            })
        return try take(book.resume(now: RunTime(milliseconds: now)), kill: nil) ?? []
    }

    // MARK: What happens to it; nil: it was killed meanwhile

    mutating func ask(_ question: WalkQuestion, now: Int64, kill: WalkKill?) throws -> [WalkOutput]? {
        guard case .orchestratorRequest(let body) = question.body else {
            throw WalkViolation("the orchestrator was asked what it does not answer: \(question.body)")
        }
        var envelope = Envelope()
        envelope.operationID = Data(question.operation)
        envelope.sender = "walk"
        do {
            let request = try FailoverOrchestrator.OrchestratorRequest(wire: body, envelope: envelope)
            tokens += 1
            asked[RequestToken(value: tokens)] = question.number
            return try handle(.asked(RequestToken(value: tokens), request), now: now, kill: kill)
        } catch let error as OrchestratorError {
            return [.answer(question.number, .failure(error.remote))]
        }
    }

    mutating func answered(_ number: Int, _ reply: WalkReply, now: Int64, kill: WalkKill?) throws -> [WalkOutput]? {
        if let (token, request) = reads.removeValue(forKey: number) {
            let result = Self.result { () throws -> RegistryView in
                guard case .registry(let view) = try Self.answer(.snapshot, try reply.get()) else {
                    throw Self.nonsense
                }
                return view
            }
            return try handle(.registryRead(token, request, result), now: now, kill: kill)
        }
        guard let order = calls.removeValue(forKey: number) else { return [] }
        let result = Self.result { try Self.answer(order.call, try reply.get()) }
        return try handle(.run(order.run, .answered(order.number, result)), now: now, kill: kill)
    }

    mutating func wake(_ run: String, number: UInt64, now: Int64, kill: WalkKill?) throws -> [WalkOutput]? {
        try handle(.run(run, .timePassed(number)), now: now, kill: kill)
    }

    // MARK: What is seen of it

    /// Runs that did not end, newest first: identifier, kind, whether it waits for somebody, and what it says.
    var open: [(id: String, kind: Messages.RunKind, isForward: Bool, wait: String?)] {
        book.records.filter { !$0.isEnded }.map { record in
            let isForward = if case .forward = record.progress { true } else { false }
            let wait = record.wait.map { "\($0.sentence) \($0.remedy)" }
            return (record.id, record.kind.wire, isForward, wait)
        }
    }

    /// Runs that ended, by kind and outcome.
    var outcomes: [String: Int] {
        var outcomes: [String: Int] = [:]
        for record in book.records where record.isEnded {
            outcomes["\(record.kind) \(record.progress == .succeeded ? "succeeded" : "failed")", default: 0] += 1
        }
        return outcomes
    }

    /// Every run that failed says why.
    func checkSentences() throws {
        for record in book.records {
            if case .failed(let error) = record.progress, error.message.isEmpty {
                throw WalkViolation("run \(record.id) failed without a word")
            }
        }
    }

    var holdsTest: Bool { book.records.contains { $0.holdsTest } }

    // MARK: Pieces

    private mutating func handle(_ event: BookEvent, now: Int64, kill: WalkKill?) throws -> [WalkOutput]? {
        try take(book.handle(event, now: RunTime(milliseconds: now)), kill: kill)
    }

    private mutating func take(_ output: BookOutput, kill: WalkKill?) throws -> [WalkOutput]? {
        if kill == .beforeStoring, !output.changes.isEmpty { return nil }
        for change in output.changes {
            switch change {
            case .put(let record):
                try record.checkInvariants()
                stored[record.id] = record
            case .remove(let id): stored[id] = nil
            }
        }
        if kill == .afterStoring, !output.changes.isEmpty { return nil }
        return try output.actions.compactMap { try perform($0) }
    }

    private mutating func perform(_ action: BookAction) throws -> WalkOutput? {
        switch action {
        case .ask(let order):
            let number = numbers.next()
            calls[number] = order
            var question = WalkQuestion(
                number: number, from: .orchestrator, to: .vault, body: .heartbeat(.init()),
                generation: order.generation, operation: Self.operation(of: order, number),
                deadlineMilliseconds: order.deadlineMilliseconds)
            switch order.request {
            case .vault(let request): question.body = .vaultRequest(.with { $0.request = request })
            case .policy(let request):
                question.to = .policy
                question.body = .policyRequest(.with { $0.request = request })
            case .agent(let request):
                guard let host = WalkWords.host(at: order.endpoint) else {
                    throw WalkViolation("nobody is at \(order.endpoint)")
                }
                question.to = .host(host)
                question.body = .agentRequest(.with { $0.request = request })
            }
            return .ask(question)
        case .readRegistry(let token, let request):
            let number = numbers.next()
            reads[number] = (token, request)
            return .ask(
                WalkQuestion(
                    number: number, from: .orchestrator, to: .vault,
                    body: .vaultRequest(.with { $0.request = .getSnapshot(.init()) }), generation: 0,
                    operation: Self.bytes(UInt64(number), 1),
                    deadlineMilliseconds: OrchestratorLimits.vaultDeadlineMilliseconds))
        case .wake(let run, let time, let number):
            return .wake(at: time.milliseconds, .run(run, number: number))
        case .answer(let token, let result):
            guard let number = asked.removeValue(forKey: token) else { return nil }
            switch result {
            case .success: return .answer(number, .success(.orchestratorReply(.init())))
            case .failure(let error): return .answer(number, .failure(error.remote))
            }
        }
    }

    private static func operation(of order: RunOrder, _ number: Int) -> [UInt8] {
        guard let seed = order.operation else { return bytes(UInt64(number), 2) }
        return bytes(seed.halves.0, seed.halves.1)
    }

    private static func bytes(_ high: UInt64, _ low: UInt64) -> [UInt8] {
        [high, low].flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * UInt64($0))) } }
    }

    private static let nonsense = OrchestratorError(.internal, "The answer is of another kind.")

    private static func answer(_ call: RunCall, _ body: Envelope.OneOf_Body) throws -> RunAnswer {
        switch body {
        case .vaultReply(let reply):
            guard let reply = reply.reply else { throw nonsense }
            return try call.answer(reply)
        case .policyReply(let reply):
            guard let reply = reply.reply else { throw nonsense }
            return try call.answer(reply)
        case .agentReply(let reply):
            guard let reply = reply.reply else { throw nonsense }
            return try call.answer(reply)
        case .error, .heartbeat, .healthRequest, .healthReply, .vaultRequest, .vaultEvent, .policyRequest,
            .agentRequest, .orchestratorRequest, .orchestratorReply:
            throw nonsense
        }
    }

    private static func result<Value>(_ body: () throws -> Value) -> Result<Value, OrchestratorError> {
        do {
            return .success(try body())
        } catch {
            return .failure(OrchestratorError(thrown: error))
        }
    }
}
