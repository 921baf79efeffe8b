/// The sending side of one transfer; made by `MessageBus.bulkChannel`, used by one worker job, then closed.
///
/// Errors are `RemoteError`: what the receiver refused with, or UNAVAILABLE when it is gone. After an error the channel
/// is of no further use.
package final class BulkChannel: Sendable {
    package let endpoint: String

    init(endpoint: String) { self.endpoint = endpoint }

    /// Says hello and waits to be welcomed.
    package func open(_ hello: BulkHello) async throws { fatalError("not built yet") }

    /// Sends one delta-log record without copying it, waiting for credit first. Records get the sequence 0, 1, … in
    /// the order of the calls.
    package func send(_ record: [UInt8]) async throws { fatalError("not built yet") }

    /// The same for memory that its owner fills itself.
    package func send(_ record: BulkBuffer) async throws { fatalError("not built yet") }

    /// 16 bytes per block of the range; see `BulkHashRequest`.
    package func hashes(_ request: BulkHashRequest, deadline: Duration = .seconds(60)) async throws -> [UInt8] {
        fatalError("not built yet")
    }

    /// Tells the receiver that all records were sent; returns the digest that it computed over what it got.
    package func finish(digest: [UInt8], deadline: Duration = .seconds(120)) async throws -> [UInt8] {
        fatalError("not built yet")
    }

    /// Tells the receiver to throw the transfer away. Harmless after an error.
    package func abandon() async { fatalError("not built yet") }

    /// Closes the socket. Before `finish` has returned this counts as `abandon`. Repeating it does nothing.
    package func close() async { fatalError("not built yet") }
}
