package import Messages

/// A bound event endpoint; made by `MessageBus.publisher`.
package final class EventPublisher: Sendable {
    /// The endpoint as bound, with its port number.
    package let endpoint: String
    private let name: String
    private let core: PublisherCore
    private let lifetime: EndpointLifetime

    init(endpoint: String, name: String, core: PublisherCore, lifetime: EndpointLifetime) {
        self.endpoint = endpoint
        self.name = name
        self.core = core
        self.lifetime = lifetime
    }

    /// Sends an event to whoever is subscribed. The caller numbers vault events without gaps, and publishes them in
    /// that order by waiting for each call. Never waits for a subscriber; see `PublisherLimits`.
    package func publish(_ body: Envelope.OneOf_Body) async {
        let encoded = Envelope.unsolicited(body, sender: name).encoded()
        precondition(encoded.count <= FrameLimits.controlFrameBytes, "an event is larger than a frame may be")
        var position: EventPosition?
        if case .vaultEvent(let event) = body { position = EventPosition(event) }
        await core.publish(encoded, position: position)
    }

    /// Repeating it does nothing.
    package func stop() async {
        await core.stop()
        lifetime.end()
    }
}
