/// What a test waited for did not come in time.
public struct NeverHappened: Error, CustomStringConvertible {
    /// What it was.
    public let description: String

    /// What did not come.
    public init(description: String) { self.description = description }
}

/// Asks again until there is an answer; throws when there is none in time.
///
/// What is about to happen is asked for at once; what takes longer every few milliseconds.
public func eventually<Answer>(
    _ what: String, within limit: Duration = .seconds(40), _ ask: () async throws -> Answer?
) async throws -> Answer {
    let deadline = ContinuousClock.now + limit
    var asked = 0
    while ContinuousClock.now < deadline {
        if let answer = try await ask() { return answer }
        asked += 1
        // Because whoever asks without a pause keeps a core from the one that is waited for.
        if asked < 50 { await Task.yield() } else { try await Task.sleep(for: .milliseconds(min(asked / 50, 10))) }
    }
    throw NeverHappened(description: "never happened: \(what)")
}

/// The same for what has no answer.
public func eventually(
    _ what: String, within limit: Duration = .seconds(40), _ holds: () async throws -> Bool
) async throws {
    let _: Void = try await eventually(what, within: limit) { try await holds() ? () : nil }
}
