package import Messages

/// A checked request as its handler gets it.
package struct IncomingRequest: Sendable {
    package let envelope: Envelope
    /// When the caller gives up. Nothing is cancelled then: what was begun may finish, and its answer is remembered.
    package let deadline: ContinuousClock.Instant
    /// Names the connection, for logs only; another connection may get the same name later.
    package let peer: String

    package init(envelope: Envelope, deadline: ContinuousClock.Instant, peer: String) {
        self.envelope = envelope
        self.deadline = deadline
        self.peer = peer
    }

    /// The request itself. Never nil here; a body that is not a request was answered by the server already.
    package var body: Envelope.OneOf_Body {
        guard let body = envelope.body else { preconditionFailure("a request without a body reached a handler") }
        return body
    }
}
