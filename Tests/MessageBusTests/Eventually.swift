import Testing

/// Asks again and again until the condition holds; fails the test when it never does within the time.
func eventually(
    within limit: Duration = .seconds(40), _ what: Comment, sourceLocation: SourceLocation = #_sourceLocation,
    _ condition: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + limit
    var asked = 0
    while ContinuousClock.now < deadline {
        if try await condition() { return }
        asked += 1
        // Because whoever asks without a pause keeps a core from the one that is waited for.
        if asked < 50 { await Task.yield() } else { try await Task.sleep(for: .milliseconds(min(asked / 50, 10))) }
    }
    Issue.record("never happened: \(what)", sourceLocation: sourceLocation)
}
