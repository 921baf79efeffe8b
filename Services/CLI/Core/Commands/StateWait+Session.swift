extension StateWait {
    /// Says what was begun and, where there is something to wait for, how that ended. In JSON that is one document, at
    /// the end; people see at once that it was begun.
    ///
    /// - Parameters:
    ///   - protection: as it is now.
    ///   - begun: one line for people.
    static func answer(
        _ protection: Registry.Protection, _ begun: String, waitingFor goal: Goal?, in session: OperatorSession
    ) async throws {
        if goal == nil || !session.json { try session.answer(protection) { $0.print(begun) } }
        guard let goal else { return }
        do {
            let ended = try await run(in: session, protection: protection, goal: goal)
            guard session.json else { return }
            try session.answer(WaitedProtection(protection: ended.protection, wait: ended.wait)) { _ in }
        } catch {
            if session.json {
                let wait = WaitRecord(protection, reached: false)
                try session.answer(WaitedProtection(protection: protection, wait: wait)) { _ in }
            }
            throw error
        }
    }

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
            let status = try await policy.status(of: protection.id)
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
