/// A bound request endpoint; made by `MessageBus.serve`.
package final class RequestServer: Sendable {
    /// The endpoint as bound, with its port number.
    package let endpoint: String
    private let core: RequestServerCore
    private let lifetime: EndpointLifetime

    init(endpoint: String, core: RequestServerCore, lifetime: EndpointLifetime) {
        self.endpoint = endpoint
        self.core = core
        self.lifetime = lifetime
    }

    package var statistics: RequestServerStatistics { get async { await core.statistics } }

    /// Takes no further request, gives handlers `stopGrace` to end, cancels the rest, and waits for them. Repeating it
    /// waits as well.
    package func stop() async {
        await core.stop()
        lifetime.end()
    }
}
