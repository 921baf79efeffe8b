package import Messages

/// Everything one publisher sends, in order, possibly with gaps; made by `MessageBus.subscribe`. Read it from one task.
///
/// Plain heartbeats are not passed on; a `VaultEvent` without a change, which repeats the newest number, is.
/// `EventFollower` adds snapshot and gap recovery.
package final class EventSubscription: AsyncSequence, Sendable {
    package typealias Element = Envelope
    package typealias Failure = Never

    package let endpoint: String
    private let core: SubscriberCore
    private let lifetime: EndpointLifetime
    private let stream: AsyncStream<Envelope>

    init(endpoint: String, core: SubscriberCore, stream: AsyncStream<Envelope>, lifetime: EndpointLifetime) {
        self.endpoint = endpoint
        self.core = core
        self.lifetime = lifetime
        self.stream = stream
    }

    package func makeAsyncIterator() -> AsyncStream<Envelope>.AsyncIterator { stream.makeAsyncIterator() }

    /// Whether the publisher is there: any valid traffic counts.
    package var liveness: Liveness { get async { await core.liveness } }

    package var statistics: SubscriptionStatistics { get async { await core.statistics } }

    /// Ends the sequence. Repeating it does nothing.
    package func close() async {
        await core.close()
        lifetime.end()
    }
}
