@testable import FailoverOrchestrator

/// Where a run can be.
extension BookBench {
    /// A call of a step is under way: the last that the target is asked, or its last.
    static func running(_ step: RunStep, of kind: RunKind = .planned) throws -> BookBench {
        var bench = BookBench()
        _ = try bench.start(kind).get()
        try bench.walk { $0.isAtCall(of: step) }
        return bench
    }

    /// A peer is silent from a step on, and it waits for it.
    static func waiting(_ step: RunStep, without peer: String, of kind: RunKind = .planned) throws -> BookBench {
        var bench = try running(step, of: kind)
        bench.world.silent = [peer]
        try bench.walk { $0.record?.wait != nil }
        return bench
    }

    /// The call of a step was refused, and no time mends that.
    static func standing(_ step: RunStep, of kind: RunKind = .planned) throws -> BookBench {
        var bench = try running(step, of: kind)
        _ = try bench.refuse()
        return bench
    }

    /// Refused when the source was shut down already: its guest is started again, and the vault is told.
    ///
    /// - Parameter peer: it waits for this one; nil: a call is under way.
    static func back(without peer: String? = nil) throws -> BookBench {
        var bench = try running(.lastDelta)
        try bench.answer(.failure(OrchestratorError(.failedPrecondition, "refused by the test")))
        try bench.walk { $0.isGoingBack && $0.call != nil }
        guard let peer else { return bench }
        bench.world.silent = [peer]
        try bench.walk { $0.record?.wait != nil }
        return bench
    }

    static func ended(isTakenBack: Bool = false) throws -> BookBench {
        var bench = isTakenBack ? try back() : try running(.check)
        _ = try bench.end()
        return bench
    }

    /// A world in which a run of this kind may begin.
    static func ready(for kind: RunKind) throws -> BookBench {
        var bench = BookBench()
        switch kind {
        case .test, .cleanup, .planned, .unplanned: return bench
        case .failback: _ = try bench.start(.planned).get()
        case .changePoint, .commit, .cancel, .reverse: _ = try bench.start(.unplanned).get()
        }
        _ = try bench.end()
        bench.world.settle()
        return bench
    }

    /// A test that succeeded, and was not cleaned up.
    mutating func addTest() throws {
        var test = try Samples.record(
            Samples.request(.test), registry: Samples.registry(), id: "55555555-5555-4555-8555-555555555555")
        for index in test.steps.indices { test.steps[index].state = .done }
        test.progress = .succeeded
        test.endedAt = Samples.start
        book = RunBook(stored: book.records + [test])
    }

    private func isAtCall(of step: RunStep) -> Bool {
        guard let record, record.currentStep == step, call != nil, case .forward(let index) = record.progress
        else { return false }
        let stages = record.stages(of: step)
        let ofTarget = stages.lastIndex { stage in
            if case .agent(.target, _) = record.call(for: stage, isGoingBack: false) { true } else { false }
        }
        return record.steps[index].stage == ofTarget ?? stages.count - 1
    }
}
