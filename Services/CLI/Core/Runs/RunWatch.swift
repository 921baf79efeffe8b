/// Watching a run, as a value: what is seen goes in; what to show, and whether to go on, comes out.
package struct RunWatch: Sendable {
    package enum Step: Sendable, Equatable {
        case goOn
        /// Nothing is left to wait for.
        case ended
        /// It stands still, and has for as long as anybody waits.
        case leave(OperatorError)
    }

    /// Since when it stands still; nil while it does not.
    private var standingSinceMilliseconds: Int64?
    private var told: [UInt32: RunRecord.Step.State] = [:]
    private var measured: UInt32 = 0
    package private(set) var progress: ProgressEstimator?

    package init() {}

    /// `now`: a monotonic clock's.
    package mutating func step(_ run: RunRecord, atMilliseconds now: Int64) -> Step {
        measure(run.currentStep, atMilliseconds: now)
        if run.isOver { return .ended }
        guard run.state == .waiting else {
            standingSinceMilliseconds = nil
            return .goOn
        }
        let since = standingSinceMilliseconds ?? now
        standingSinceMilliseconds = since
        guard now - since >= OperatorLimits.standingStillMilliseconds else { return .goOn }
        return .leave(Self.standingStill(run))
    }

    /// Steps that ended, or changed after that, since the last call: for a log, which cannot be written over.
    package mutating func newlyTold(of run: RunRecord) -> [RunRecord.Step] {
        run.steps.filter { step in
            switch step.state {
            case .pending, .running, .unknown: return false
            case .done, .skipped, .failed, .undone:
                return told.updateValue(step.state, forKey: step.number) != step.state
            }
        }
    }

    /// How a run that is over is told as the end of a command; nil when it succeeded.
    package static func failure(of run: RunRecord) -> OperatorError? {
        guard run.state == .failed else { return nil }
        let why = run.sentence.isEmpty ? "it does not say why" : run.sentence
        return OperatorError(
            .failed, "the \(run.kind.words) of \(run.guest) failed: \(why)",
            remedy: run.remedy.isEmpty ? "see its steps: bascule run show \(run.shortID)" : run.remedy,
            facts: ["run": run.id])
    }

    package static func standingStill(_ run: RunRecord) -> OperatorError {
        let why = run.sentence.isEmpty ? "it does not say for what" : run.sentence
        let own =
            run.remedy.isEmpty ? "" : "\(run.remedy.hasSuffix(".") ? String(run.remedy.dropLast()) : run.remedy); "
        return OperatorError(
            .waiting, "the \(run.kind.words) of \(run.guest) waits: \(why)",
            remedy:
                "\(own)then bascule run resume \(run.shortID); or bascule run abandon \(run.shortID), which "
                + run.abandonment,
            facts: ["run": run.id])
    }

    private mutating func measure(_ step: RunRecord.Step?, atMilliseconds now: Int64) {
        guard let step, step.totalBytes > 0 else {
            progress = nil
            return
        }
        var estimator = measured == step.number ? progress ?? ProgressEstimator() : ProgressEstimator()
        estimator.note(done: step.doneBytes, total: step.totalBytes, atMilliseconds: now)
        measured = step.number
        progress = estimator
    }
}
