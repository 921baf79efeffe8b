/// A bound request endpoint; made by `MessageBus.serve`.
package final class RequestServer: Sendable {
    /// The endpoint as bound, with its port number.
    package let endpoint: String

    init(endpoint: String) { self.endpoint = endpoint }

    package var statistics: RequestServerStatistics { get async { fatalError("not built yet") } }

    /// Takes no further request, gives handlers `stopGrace` to end, cancels the rest, and waits for them.
    package func stop() async { fatalError("not built yet") }
}
