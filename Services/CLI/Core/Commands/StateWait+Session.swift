extension StateWait {
    /// Looks twice a second until the goal is reached.
    ///
    /// - Throws: `OperatorError` when it can no longer be reached; `CancellationError` on Ctrl-C, which stops the
    ///   waiting, not the work.
    static func run(in session: OperatorSession, protection: Registry.Protection, goal: Goal) async throws {
        let vault = try await session.vault()
        let policy = try await session.policy()
        var wait = StateWait(guest: protection.guest, goal: goal)
        let started = ContinuousClock.now
        defer { session.console.showProgress(nil) }
        while true {
            let current = try await vault.registry().protections.first { $0.id == protection.id }
            let status = try await policy.statuses(of: protection.id).first { $0.protection == protection.id }
            let elapsed = (ContinuousClock.now - started).milliseconds
            switch wait.step(
                protection: current, status: status, atMilliseconds: elapsed, width: session.console.width)
            {
            case .show(let line):
                session.console.showProgress(line)
            case .reached(let sentence):
                if !session.json { session.console.print(sentence) }
                return
            case .failed(let error):
                throw error
            }
            try await session.pauseBetweenLooks()
        }
    }
}
