import MessageBus
import Messages

extension RunWatch {
    /// Shows a run until it is over, or stands still for too long. Ctrl-C ends the watching, never the run.
    ///
    /// On a terminal the steps are shown in place; a pipe or a file gets a line for each step that ended; `--json` gets
    /// the whole run, whenever it changed when `everyChange`, else once at the end.
    ///
    /// - Throws: `OperatorError` with code `failed` or `waiting`; `CancellationError` on Ctrl-C.
    static func follow(_ first: RunRecord, in session: OperatorSession, everyChange: Bool = false) async throws {
        let orchestrator = try await session.orchestrator()
        let started = ContinuousClock.now
        var watch = RunWatch()
        var run = first
        var shown: RunRecord?
        do {
            while true {
                let elapsed = (ContinuousClock.now - started).milliseconds
                let step = watch.step(run, atMilliseconds: elapsed)
                if session.json {
                    if run != shown, everyChange || step != .goOn {
                        session.console.print(try JSONDocument.text(run))
                    }
                } else {
                    watch.show(run, isFirst: shown == nil, isLast: step != .goOn, on: session.console)
                }
                shown = run
                switch step {
                case .goOn: break
                case .ended:
                    if let failure = failure(of: run) { throw failure }
                    return
                case .leave(let error): throw error
                }
                try await session.pauseBetweenLooks(.milliseconds(OperatorLimits.runLookMilliseconds))
                do {
                    run = try await orchestrator.run(run.id)
                } catch let error as RemoteError where error.code == .unavailable || error.code == .deadlineExceeded {
                    // A run outlives the orchestrator's process; it is the one who watches that cannot see it now.
                    session.console.showProgress("  \(error.message)")
                }
            }
        } catch is CancellationError {
            session.console.printError(
                "The run goes on without you. See it: bascule run show \(run.shortID) --watch")
            throw CancellationError()
        }
    }

    private mutating func show(_ run: RunRecord, isFirst: Bool, isLast: Bool, on console: any Console) {
        let report = RunReport(run)
        if let width = console.width {
            console.showScreen(report.lines(width: width, styled: console.usesColor, progress: progress))
            return
        }
        if isFirst, let heading = report.lines(width: nil, styled: false).first { console.print(heading) }
        for step in newlyTold(of: run) { console.print(report.line(of: step, width: nil, styled: false)) }
        if let current = run.currentStep, progress != nil {
            console.showProgress(report.line(of: current, width: nil, styled: false, progress: progress))
        }
        if isLast { for line in report.summary(width: nil, styled: false) { console.print(line) } }
    }
}
