/// Lets one task at a time work on a key (a protection); others wait in the order they came.
///
/// It is held across suspensions, which an actor alone is not: between two `await`s of an actor anything may run.
actor KeyedLock {
    private let waitingMaximum: Int
    private var waiting: [String: [CheckedContinuation<Void, Never>]] = [:]

    init(waitingMaximum: Int = HostAgentLimits.waitingPerProtectionMaximum) { self.waitingMaximum = waitingMaximum }

    /// Refuses with `.resourceExhausted` when too many wait already.
    nonisolated(nonsending)
        func withLock<Result>(_ key: String, _ body: () async throws -> Result) async throws -> Result
    {
        try await lock(key)
        do {
            let result = try await body()
            await unlock(key)
            return result
        } catch {
            await unlock(key)
            throw error
        }
    }

    private func lock(_ key: String) async throws {
        // A key that is present is held.
        guard let others = waiting[key] else {
            waiting[key] = []
            return
        }
        guard others.count < waitingMaximum else {
            throw HostAgentError(
                .resourceExhausted, "Too many requests wait for protection \(key).",
                remedy: "Ask again later.", facts: ["queue": "protection", "waiting": "\(others.count)"])
        }
        await withCheckedContinuation { waiting[key]?.append($0) }
    }

    private func unlock(_ key: String) {
        guard var others = waiting[key] else { preconditionFailure("a key is unlocked by who holds it") }
        guard !others.isEmpty else {
            waiting[key] = nil
            return
        }
        let next = others.removeFirst()
        waiting[key] = others
        next.resume()
    }
}
