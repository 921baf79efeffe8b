/// Something did not happen in time.
package struct Late: Error, CustomStringConvertible, Sendable {
    package var description: String
}

/// Asks again every 20 ms until `probe` gives a value; throws `Late` when it has not within `limit`.
///
/// Real processes tell nobody when they are ready, so an end-to-end test has to ask. The limit is what keeps it honest:
/// nothing here decides by having waited long enough.
package func eventually<Value>(
    _ what: String, within limit: Duration, _ probe: () async throws -> Value?
) async throws -> Value {
    let deadline = ContinuousClock.now + limit
    while true {
        if let value = try await probe() { return value }
        if ContinuousClock.now >= deadline { throw Late(description: "not within \(limit): \(what)") }
        try await Task.sleep(for: .milliseconds(20))
    }
}
