/// One run: events in, actions out. It reads no clock and speaks to nobody.
///
/// ```
///            ┌── step ──┐        refused, or silent too long, before the point of no return
///   forward  │ stage …  │ ───────────────────────────────────────────────► back, step by step ──► failed
///            └──────────┘ ──► next step ──► … ──► succeeded
///                 │ ▲
///   silent or refused later: waits, and tries again by itself or when told to
/// ```
///
/// A step is a row of small calls (``StepStage``). Every answer becomes a fact of the record, and the record is stored
/// before the next call is made. So a run that was killed asks at most the one call again that was under way, and every
/// call may be asked twice.
struct RunStateMachine: Sendable {
    enum Doing: Hashable, Sendable {
        case nothing
        case asking(UInt64, StepStage)
        /// Reads the registry anew: where agents are, before a call is tried again; and whether the protection is still there,
        /// before an order of a run that the vault does not hold it for (``RunKind/isUnheld``).
        case freshening(UInt64)
        case sleeping(UInt64)
    }

    var record: RunRecord
    var doing = Doing.nothing
    private var lastNumber: UInt64 = 0
    private var stored: RunRecord?
    var isFresh = true
    /// The registry was read for the call that is made next.
    var hasLooked = false

    /// A new run, or one from the store.
    init(_ record: RunRecord) { self.record = record }

    /// Takes an event in. What operators may not ask now is thrown; everything else that does not fit was late, and is
    /// ignored.
    mutating func handle(_ event: RunEvent, now: RunTime) throws(OrchestratorError) -> [RunAction] {
        switch event {
        case .begun:
            guard let wait = record.wait else { return proceed(now: now) }
            // What no time mends waits for somebody, also over a restart.
            return wait.until == nil ? storing([]) : retry(now: now)
        case .answered(let number, let result):
            switch doing {
            case .asking(number, let stage): return take(result, of: stage, now: now)
            case .freshening(number):
                return freshened(result, now: now)
            case .nothing, .asking, .freshening, .sleeping: return []
            }
        case .timePassed(let number):
            guard doing == .sleeping(number) else { return [] }
            return record.wait == nil ? proceed(now: now) : retry(now: now)
        case .resumeAsked:
            try demandOpen()
            guard record.wait != nil else {
                throw OrchestratorError(
                    .failedPrecondition, "The run does not wait; it is at “\(record.currentStep?.rawValue ?? "")”.",
                    remedy: "See “bascule run show \(record.id)”.")
            }
            switch doing {
            case .nothing, .sleeping: return retry(now: now)
            case .asking, .freshening: return []
            }
        case .abandonAsked:
            try demandOpen()
            return try abandon(now: now)
        }
    }

    // MARK: Going on

    /// Makes calls until one is outstanding, or nothing is left to do.
    mutating func proceed(now: RunTime) -> [RunAction] {
        doing = .nothing
        while true {
            switch record.progress {
            case .forward(let index):
                guard index < record.steps.count else {
                    finish(now: now)
                    return storing([])
                }
                if let actions = enter(index, now: now) { return actions }
            case .back(let index, let cause):
                guard index >= 0 else {
                    record.progress = .failed(cause)
                    record.endedAt = now
                    record.wait = nil
                    return storing([])
                }
                if let actions = enterBack(index, cause, now: now) { return actions }
            case .succeeded, .failed:
                return storing([])
            }
        }
    }

    /// The record first, because nothing may be done that is not recorded.
    func storingFirst(_ actions: [RunAction]) -> [RunAction] {
        record == stored ? actions : [.store(record)] + actions
    }

    mutating func storing(_ actions: [RunAction]) -> [RunAction] {
        defer { stored = record }
        return storingFirst(actions)
    }

    mutating func number() -> UInt64 {
        lastNumber += 1
        return lastNumber
    }

    /// Sleeps without saying that it waits: work goes on elsewhere.
    mutating func sleep(_ milliseconds: Int64, now: RunTime) -> [RunAction] {
        let number = number()
        doing = .sleeping(number)
        return storing([.wake(at: now + milliseconds, number: number)])
    }

    // MARK: Answers

    private mutating func take(
        _ result: Result<RunAnswer, OrchestratorError>, of stage: StepStage, now: RunTime
    ) -> [RunAction] {
        doing = .nothing
        guard let index = presentIndex else { return [] }
        switch result {
        case .failure(let error):
            if case .stopReplica = stage, error.code == .notFound { return succeed(at: index, now: now) }
            // The test is gone, which is what was asked for; what is said of its point can be read later.
            if stage == .listPoints, record.kind == .cleanup { return succeed(at: index, now: now) }
            if case .advance = stage, let actions = passUnprotected(error, at: index, now: now) { return actions }
            // Without a replica its guest runs on its own disks, and there is nothing to put into them.
            if stage == .commitReplica, error.code == .notFound { return succeed(at: index, now: now) }
            return failed(error, stage, at: index, now: now)
        case .success(let answer):
            switch record.absorb(answer, to: stage, at: index, now: now) {
            case .fail(let error):
                if stage == .refresh, let actions = passUnprotected(error, at: index, now: now) { return actions }
                return failed(error, stage, at: index, now: now)
            case .next: return succeed(at: index, now: now)
            case .keepGuest(let isNoted): return endWithPend(at: index, isNoted: isNoted, now: now)
            case .again(let milliseconds):
                settle(at: index)
                return afterAbandon(now: now) ?? sleep(milliseconds, now: now)
            case .stage(let other, let milliseconds):
                settle(at: index)
                let stages = record.stages(of: record.steps[index].step)
                record.steps[index].stage = stages.firstIndex(of: other) ?? 0
                return afterAbandon(now: now) ?? sleep(milliseconds, now: now)
            }
        }
    }

    mutating func succeed(at index: Int, now: RunTime) -> [RunAction] {
        settle(at: index)
        record.steps[index].stage += 1
        return afterAbandon(now: now) ?? proceed(now: now)
    }

    /// The present call was answered well: whatever failed before is over.
    private mutating func settle(at index: Int) {
        record.wait = nil
        record.steps[index].failingSince = nil
        record.steps[index].failuresInARow = 0
    }

    var presentIndex: Int? {
        switch record.progress {
        case .forward(let index), .back(let index, _): record.steps.indices.contains(index) ? index : nil
        case .succeeded, .failed: nil
        }
    }

    /// Tries the present call again, under a new identifier.
    mutating func retry(now: RunTime) -> [RunAction] {
        if let index = presentIndex {
            record.steps[index].attempts += 1
            isFresh = false
        }
        return proceed(now: now)
    }

    private mutating func freshened(_ result: Result<RunAnswer, OrchestratorError>, now: RunTime) -> [RunAction] {
        if case .success(.registry(let registry)) = result {
            if let host = registry.host(record.facts.source.id) { record.facts.source = host }
            if let host = registry.host(record.facts.target.id) { record.facts.target = host }
            let isThere = registry.protections.contains { $0.id == record.protection && $0.state != .disabling }
            if record.kind.isUnheld, !isThere { return endUnprotected(now: now) }
        } else if record.kind.isUnheld, case .failure(let error) = result, case .forward(let index) = record.progress {
            let stages = record.stages(of: record.steps[index].step)
            doing = .nothing
            return failed(Self.unread(error), stages[record.steps[index].stage], at: index, now: now)
        }
        // Without an answer the old places have to do.
        isFresh = true
        hasLooked = true
        return proceed(now: now)
    }

    private func demandOpen() throws(OrchestratorError) {
        guard record.isEnded else { return }
        throw OrchestratorError(
            .failedPrecondition, "The run has ended.", remedy: "See “bascule run show \(record.id)”.")
    }

    private mutating func finish(now: RunTime) {
        record.wait = nil
        record.endedAt = now
        if let cause = record.abandoned {
            record.progress = .failed(cause)
        } else {
            record.progress = .succeeded
        }
    }
}
