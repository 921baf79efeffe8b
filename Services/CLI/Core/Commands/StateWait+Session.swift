extension StateWait {
    /// Looks twice a second until the goal is reached.
    ///
    /// - Returns: the protection as it is then, and how the waiting ended.
    /// - Throws: `OperatorError` when it can no longer be reached; `CancellationError` on Ctrl-C, which stops the
    ///   waiting, not the work.
    @discardableResult
    static func run(
        in session: OperatorSession, protection: Registry.Protection, goal: Goal
    ) async throws -> (protection: Registry.Protection, wait: WaitRecord) {
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
                let last = current ?? protection
                return (last, WaitRecord(last, reached: true, cycle: status?.lastCycle))
            case .failed(let error):
                throw error
            }
            try await session.pauseBetweenLooks()
        }
    }
}
