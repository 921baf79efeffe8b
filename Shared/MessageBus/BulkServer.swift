/// A bound bulk endpoint; made by `MessageBus.bulkServer`.
package final class BulkServer: Sendable {
    package let endpoint: String

    init(endpoint: String) { self.endpoint = endpoint }

    /// Ends every transfer of this token and waits until its handlers have seen `ended`. Call it before a cycle is
    /// committed or aborted: afterwards no record of it can arrive.
    package func end(token: [UInt8]) async { fatalError("not built yet") }

    package var statistics: BulkServerStatistics { get async { fatalError("not built yet") } }

    package func stop() async { fatalError("not built yet") }
}
