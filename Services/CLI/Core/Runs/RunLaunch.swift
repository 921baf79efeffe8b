/// Beginning a run from a command: plan, question, start, and watching it, in that order.
struct RunLaunch {
    let order: RunOrder
    let options: RunOptions
    /// What is destroyed, as a question; nil when nothing is. It gets the plan, which knows names.
    let question: (@Sendable (RunRecord) -> String)?

    func perform(in session: OperatorSession) async throws {
        let orchestrator = try await session.orchestrator()
        if options.dryRun {
            let plan = try await orchestrator.plan(order)
            return try session.answer(plan) { console in
                for line in RunReport(plan).plan(width: console.width) { console.print(line) }
            }
        }
        // With --yes nobody reads a plan, and a disaster should not wait for one.
        if let question, !options.yes {
            let plan = try await orchestrator.plan(order)
            for line in RunReport(plan).plan(width: session.console.width) {
                // Whoever is asked sees it, and a document on standard output stays alone.
                if session.json { session.console.printError(line) } else { session.console.print(line) }
            }
            try session.confirm(question(plan), assumeYes: false)
        }
        let run: RunRecord
        do {
            run = try await orchestrator.start(order)
        } catch is CancellationError {
            session.console.printError("It may have begun all the same. See: bascule runs \(order.protection)")
            throw CancellationError()
        }
        if options.noWait {
            return try session.answer(run) { console in
                console.print("Run \(run.shortID) has begun. See it: bascule run show \(run.shortID) --watch")
            }
        }
        try await RunWatch.follow(run, in: session)
    }
}
