internal import CZeroMQ

/// A frame received from libzmq, kept in the message's own memory so that records are not copied.
///
/// @unchecked because: the message is written only before the frame is handed out, and libzmq's own reference count
/// makes closing it on another thread safe.
final class ReceivedFrame: @unchecked Sendable {
    private let message: UnsafeMutablePointer<zmq_msg_t>

    /// An empty message, to receive into.
    init() {
        message = .allocate(capacity: 1)
        message.initialize(to: zmq_msg_t())
        zmq_msg_init(message)
    }

    deinit {
        zmq_msg_close(message)
        message.deallocate()
    }

    var count: Int { zmq_msg_size(message) }

    /// For receiving into it, before anybody else sees it.
    var pointer: UnsafeMutablePointer<zmq_msg_t> { message }

    /// A copy, for small frames.
    var array: [UInt8] { withUnsafeBytes { [UInt8]($0) } }

    func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(UnsafeRawBufferPointer(start: zmq_msg_data(message), count: zmq_msg_size(message)))
    }
}
