package import Messages

/// Decides about transfers that arrive at a bulk endpoint. Called on the transfer's own thread, so it may block.
package protocol BulkServerHandler: Sendable {
    /// A worker says hello. Throw `RemoteError` to refuse it (NOT_FOUND for an unknown token).
    func transferOpened(_ hello: BulkHello) async throws -> any BulkTransferHandler
}

/// Receives one transfer. Calls come one after another, in the order the frames were sent, on a thread of the
/// transfer's own, so they may block on disks. What a call throws is sent to the worker as a refusal and ends the
/// transfer.
package protocol BulkTransferHandler: Sendable {
    /// Store one record. Its bytes are credited back to the sender when this returns.
    func record(_ record: BulkRecord) async throws
    /// 16 bytes for every block of the range, in order; 16 zero bytes for a block of zeros.
    func hashes(_ request: BulkHashRequest) async throws -> [UInt8]
    /// All records were sent. Returns the digest over what was received (32 bytes); the worker compares.
    func finish(records: UInt64, digest: [UInt8]) async throws -> [UInt8]
    /// The last call, exactly once, also after an error.
    func ended(_ reason: BulkTransferEnd) async
}

package enum BulkTransferEnd: Equatable, Sendable {
    /// Finished and answered.
    case finished
    /// The worker said it gives up.
    case abandoned
    /// Nothing was heard from the worker for too long.
    case vanished
    /// Refused here: an error of the handler, or a violation of the protocol.
    case refused(RemoteError)
    /// The server stopped, or `BulkServer.end` was called for its token.
    case stopped
}
