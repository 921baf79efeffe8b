package import Messages

/// A bound event endpoint; made by `MessageBus.publisher`.
package final class EventPublisher: Sendable {
    package let endpoint: String

    init(endpoint: String) { self.endpoint = endpoint }

    /// Sends an event to whoever is subscribed. The caller numbers vault events without gaps, and publishes them in
    /// that order by waiting for each call. Never waits for a subscriber; see `PublisherLimits`.
    package func publish(_ body: Envelope.OneOf_Body) async { fatalError("not built yet") }

    package func stop() async { fatalError("not built yet") }
}
