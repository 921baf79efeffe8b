/// What a test waited for did not come in time.
public struct NeverHappened: Error, CustomStringConvertible {
    /// What it was.
    public let description: String

    /// What did not come.
    public init(description: String) { self.description = description }
}

/// Asks again until there is an answer; throws when there is none in time.
public func eventually<Answer>(
    _ what: String, within limit: Duration = .seconds(40), _ ask: () async throws -> Answer?
) async throws -> Answer {
    let deadline = ContinuousClock.now + limit
    while ContinuousClock.now < deadline {
        if let answer = try await ask() { return answer }
        await Task.yield()
    }
    throw NeverHappened(description: "never happened: \(what)")
}

/// The same for what has no answer.
public func eventually(
    _ what: String, within limit: Duration = .seconds(40), _ holds: () async throws -> Bool
) async throws {
    let _: Void = try await eventually(what, within: limit) { try await holds() ? () : nil }
}
