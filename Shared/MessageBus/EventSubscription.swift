package import Messages

/// Everything one publisher sends, in order, possibly with gaps; made by `MessageBus.subscribe`. Read it from one task.
///
/// Plain heartbeats are not passed on; a `VaultEvent` without a change, which repeats the newest number, is.
/// `EventFollower` adds snapshot and gap recovery.
package final class EventSubscription: AsyncSequence, Sendable {
    package typealias Element = Envelope
    package typealias Failure = Never

    package let endpoint: String

    init(endpoint: String) { self.endpoint = endpoint }

    package func makeAsyncIterator() -> AsyncStream<Envelope>.AsyncIterator { fatalError("not built yet") }

    package var liveness: Liveness { get async { fatalError("not built yet") } }

    /// Ends the sequence.
    package func close() async { fatalError("not built yet") }
}
