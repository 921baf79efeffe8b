package import Messages

/// A connection to one request endpoint; made by `MessageBus.client`. Many calls may be under way at once.
package final class RequestClient: Sendable {
    package let endpoint: String

    init(endpoint: String) { self.endpoint = endpoint }

    /// Sends a request and waits for its answer.
    ///
    /// An unanswered request is repeated with back-off under the same operation identifier until the deadline, so the
    /// server acts at most once. An `Error` body is thrown as `RemoteError`, as are UNAVAILABLE (nobody was reached),
    /// DEADLINE_EXCEEDED (sent, but not answered: it may have happened) and RESOURCE_EXHAUSTED (too many calls).
    /// Cancelling the task throws `CancellationError`; the request may still happen.
    package func call(
        _ body: Envelope.OneOf_Body, generation: UInt64 = 0, deadline: Duration = .seconds(10),
        operation: OperationIdentifier = .random(), trace: String = ""
    ) async throws -> Envelope {
        fatalError("not built yet")
    }

    /// Whether the server is there: any valid traffic counts.
    package var liveness: Liveness { get async { fatalError("not built yet") } }

    /// Calls under way fail with UNAVAILABLE. Repeating it does nothing.
    package func close() async { fatalError("not built yet") }
}
