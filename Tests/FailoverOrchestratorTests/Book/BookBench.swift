import FoundationEssentials

import enum Messages.ErrorCode
import enum Messages.RunState

@testable import FailoverOrchestrator

/// The book of runs with one run in it, brought to where a test wants it, in a model of vault, policy service and agents.
struct BookBench {
    static let run = Samples.run
    static let other = "44444444-4444-4444-8444-444444444444"

    var book = RunBook(stored: [])
    var world = ModelWorld()
    private(set) var now = Samples.start
    /// Calls and wake-ups of the run, oldest first.
    private var pending: [BookAction] = []
    private var tokens: UInt64 = 0
    private var failingSince: RunTime?

    var record: RunRecord? { book.records.first { $0.id == Self.run } }

    /// The call of the run that is under way.
    var call: RunOrder? {
        for case .ask(let order) in pending { return order }
        return nil
    }

    var isGoingBack: Bool {
        if case .back = record?.progress { true } else { false }
    }

    /// As `GetRun` shows it.
    var shown: String {
        switch record?.wire.state {
        case .running: "`RUNNING`"
        case .waiting: "`WAITING`"
        case .succeeded: "`SUCCEEDED`"
        case .failed: "`FAILED`"
        case .unspecified, .UNRECOGNIZED, nil: "unknown"
        }
    }

    /// Milliseconds until it tries again by itself; 0: it waits for somebody, or not at all.
    var pause: Int64 { record?.wait?.until.map { $0 - now } ?? 0 }

    // MARK: What is asked

    @discardableResult
    mutating func start(_ kind: RunKind, id: String = run) -> Result<RunRecord, OrchestratorError> {
        send(.start(Samples.request(kind), id: id, isDryRun: false, sender: "test")).map { answer in
            guard case .run(let record) = answer else { preconditionFailure("a run is answered with a run") }
            return record
        }
    }

    mutating func send(_ request: OrchestratorRequest) -> Result<OrchestratorAnswer, OrchestratorError> {
        tokens += 1
        let token = RequestToken(value: tokens)
        if let answer = take(book.handle(.asked(token, request), now: now), answering: token) { return answer }
        let read = BookEvent.registryRead(token, request, .success(world.registry))
        guard let answer = take(book.handle(read, now: now), answering: token) else {
            preconditionFailure("with the registry a request is answered")
        }
        return answer
    }

    /// A request as the tables say what it comes to: `done`, or the code, and the fact that a program can act on.
    mutating func refusal<Answer>(_ ask: (inout BookBench) -> Result<Answer, OrchestratorError>) -> String {
        switch ask(&self) {
        case .success: return "done"
        case .failure(let error):
            let code = "`\(error.code.wire.name)`"
            return error.facts["run"] == Self.run && error.facts["rule"] == "run-under-way"
                ? "\(code), `facts[\"run\"]`" : code
        }
    }

    mutating func resume() -> String { refusal { $0.send(.resume(Self.run)) } }
    mutating func abandon() -> String { refusal { $0.send(.abandon(Self.run)) } }

    /// Kept as it is stored, and read by a service that was started again.
    mutating func restart() throws {
        let stored = try JSONDecoder().decode([RunRecord].self, from: try JSONEncoder().encode(book.records))
        pending = []
        book = RunBook(stored: stored)
        take(book.resume(now: now))
    }

    // MARK: What happens to its calls

    /// Answers the call under way as the model does, or as it is said.
    mutating func answer(_ result: Result<RunAnswer, OrchestratorError>? = nil) throws {
        guard let order = call else { throw Violation(description: "no call is under way") }
        pending.removeAll { $0 == .ask(order) }
        now = now + 10
        let result = try result ?? world.answer(order)
        take(book.handle(.run(Self.run, .answered(order.number, result)), now: now))
    }

    /// Lets the time of the next try come, when it waits for one, and makes the call of its step fail. What is read before,
    /// to know where the agents are now, is answered.
    private mutating func spoil(_ error: OrchestratorError) throws -> String {
        if call == nil {
            guard try wake() else { return "–" }
        }
        if call?.call == .snapshot, stage != .refresh { try answer() }
        if failingSince == nil { failingSince = now }
        try answer(.failure(error))
        return shown
    }

    /// The present call of the present step, as the step lists it.
    private var stage: StepStage? {
        guard let record, let step = record.currentStep, let index = record.index(of: step) else { return nil }
        let stages = isGoingBack ? record.undoStages(of: step) : record.stages(of: step)
        return stages.indices.contains(record.steps[index].stage) ? stages[record.steps[index].stage] : nil
    }

    mutating func fail() throws -> String { try spoil(ModelWorld.silence) }
    mutating func refuse() throws -> String {
        try spoil(OrchestratorError(.failedPrecondition, "refused by the test"))
    }

    /// Makes every try fail until the run is taken back.
    ///
    /// - Returns: for how long it was tried, in milliseconds, rounded down to whole seconds; nil: it was not taken back
    ///   within `limit`.
    mutating func failUntilBack(for limit: Int64) throws -> Int64? {
        let begun = now
        while now - begun < limit {
            let last = now - (failingSince ?? now)
            _ = try fail()
            guard isGoingBack else { continue }
            // The last try that was followed by another came within the patience, and this one after it.
            let patience = OrchestratorLimits.patienceMilliseconds
            guard last < patience, now - (failingSince ?? now) >= patience else { return last }
            return patience
        }
        return nil
    }

    /// To the end, and says what `GetRun` shows then.
    mutating func end() throws -> String {
        world.silent = []
        try walk { $0.record?.isEnded == true }
        if case .failed = record?.progress, !world.isAsBefore { return "`FAILED`, and not as before" }
        return shown
    }

    mutating func walk(until isThere: (BookBench) -> Bool) throws {
        for _ in 0..<10_000 {
            if isThere(self) { return }
            if call != nil { try answer() } else if try !wake() { break }
        }
        throw Violation(description: "it never came there: \(record?.sentence ?? "no run")")
    }

    private mutating func wake() throws -> Bool {
        guard case .wake(_, let time, let number)? = pending.first else { return false }
        pending.removeFirst()
        now = max(now, time)
        take(book.handle(.run(Self.run, .timePassed(number)), now: now))
        return true
    }

    @discardableResult
    private mutating func take(
        _ output: BookOutput, answering token: RequestToken? = nil
    ) -> Result<OrchestratorAnswer, OrchestratorError>? {
        var told: Result<OrchestratorAnswer, OrchestratorError>?
        for action in output.actions {
            switch action {
            // A later action makes an earlier wake-up void.
            case .ask(let order) where order.run == Self.run: pending = [action]
            case .wake(Self.run, _, _): pending = [action]
            case .answer(let asked, let result) where asked == token: told = result
            case .ask, .wake, .answer, .readRegistry: break
            }
        }
        return told
    }
}
