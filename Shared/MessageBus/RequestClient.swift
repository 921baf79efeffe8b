package import Messages

/// A connection to one request endpoint; made by `MessageBus.client`. Many calls may be under way at once.
package final class RequestClient: Sendable {
    package let endpoint: String
    private let name: String
    private let core: RequestClientCore
    private let lifetime: EndpointLifetime

    init(endpoint: String, name: String, core: RequestClientCore, lifetime: EndpointLifetime) {
        self.endpoint = endpoint
        self.name = name
        self.core = core
        self.lifetime = lifetime
    }

    /// Sends a request and waits for its answer.
    ///
    /// An unanswered request is repeated with back-off under the same operation identifier until the deadline, so the
    /// server acts at most once. An `Error` body is thrown as `RemoteError`, as are UNAVAILABLE (nobody was reached),
    /// DEADLINE_EXCEEDED (sent, but not answered: it may have happened) and RESOURCE_EXHAUSTED (too many calls).
    /// Cancelling the task throws `CancellationError`; the request may still happen.
    package func call(
        _ body: Envelope.OneOf_Body, generation: UInt64 = 0, deadline: Duration = UsualDeadlines.request,
        operation: OperationIdentifier = .random(), trace: String = ""
    ) async throws -> Envelope {
        let request = Envelope.request(
            body, operation: operation, timeLeft: deadline, generation: generation, trace: trace, sender: name)
        return try await core.call(request, deadline: .now + deadline)
    }

    /// Whether the server is there: any valid traffic counts.
    package var liveness: Liveness { get async { await core.liveness } }

    /// Replies that came when nobody waited for them any more.
    package var strayReplies: UInt64 { get async { await core.strayReplies } }

    /// Calls under way fail with UNAVAILABLE. Repeating it does nothing.
    package func close() async {
        await core.close()
        lifetime.end()
    }
}
