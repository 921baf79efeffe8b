/// The sending side of one transfer; made by `MessageBus.bulkChannel`, used by one worker job, then closed.
///
/// Errors are `RemoteError`: what the receiver refused with, or UNAVAILABLE when it is gone. After an error the channel
/// is of no further use.
package final class BulkChannel: Sendable {
    package let endpoint: String
    private let core: BulkChannelCore
    private let lifetime: EndpointLifetime

    init(endpoint: String, core: BulkChannelCore, lifetime: EndpointLifetime) {
        self.endpoint = endpoint
        self.core = core
        self.lifetime = lifetime
    }

    /// Says hello and waits to be welcomed. Once, first.
    package func open(_ hello: BulkHello) async throws { try await core.open(hello) }

    /// Sends one delta-log record (1 byte to `FrameLimits.bulkFrameBytes`) without copying it, waiting for credit
    /// first. Records get the sequence 0, 1, … in the order of the calls.
    package func send(_ record: [UInt8]) async throws { try await core.send(SharedFrame(record)) }

    /// The same for memory that its owner fills itself.
    package func send(_ record: BulkBuffer) async throws { try await core.send(SharedFrame(record)) }

    /// 16 bytes per block of the range; see `BulkHashRequest`. Several may be under way.
    package func hashes(_ request: BulkHashRequest, deadline: Duration = UsualDeadlines.hashes) async throws -> [UInt8]
    {
        try await core.hashes(request, deadline: deadline)
    }

    /// Tells the receiver that all records were sent; returns the digest (32 bytes) that it computed over what it got,
    /// which the caller compares with its own.
    package func finish(digest: [UInt8], deadline: Duration = UsualDeadlines.stored) async throws -> [UInt8] {
        try await core.finish(digest: digest, deadline: deadline)
    }

    /// Tells the receiver to throw the transfer away. Harmless after an error.
    package func abandon() async { await core.abandon() }

    /// Closes the socket and ends its thread. Before `finish` has returned this counts as `abandon`. Repeating it does
    /// nothing.
    package func close() async {
        await core.closeWithThread()
        lifetime.end()
    }
}
