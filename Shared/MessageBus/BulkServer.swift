/// A bound bulk endpoint; made by `MessageBus.bulkServer`.
package final class BulkServer: Sendable {
    /// The endpoint as bound, with its port number.
    package let endpoint: String
    private let core: BulkServerCore
    private let lifetime: EndpointLifetime

    init(endpoint: String, core: BulkServerCore, lifetime: EndpointLifetime) {
        self.endpoint = endpoint
        self.core = core
        self.lifetime = lifetime
    }

    /// Ends every transfer of this token and waits until its handlers have seen `ended`. Call it before a cycle is
    /// committed or aborted: transfers that are open now are over afterwards. New hellos are the handler's to refuse.
    package func end(token: [UInt8]) async { await core.end(token: token) }

    package var statistics: BulkServerStatistics { get async { await core.statistics } }

    /// Ends every transfer, waits for the handlers, closes the socket and ends its thread. Repeating it waits as well.
    package func stop() async {
        await core.stopWithThread()
        lifetime.end()
    }
}
