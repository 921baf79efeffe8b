/// One delta-log record as it arrived. Its memory is libzmq's own and is freed with the last reference.
package struct BulkRecord: Sendable {
    package let attempt: UInt32
    /// Counts from 0 within the transfer.
    package let sequence: UInt64
    let memory: ReceivedFrame

    package var count: Int { memory.count }

    /// The pointer is valid only inside `body`.
    package func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try memory.withUnsafeBytes(body)
    }
}
