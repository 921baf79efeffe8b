internal import CZeroMQ

/// Bytes that libzmq sends from where they are, and whose owner it releases afterwards, on a thread of its own.
struct SharedFrame: Sendable {
    private let owner: any Sendable & AnyObject
    private let bytes: Bytes
    let count: Int

    /// @unchecked because: the memory is only read from here on, and `owner` keeps it.
    private struct Bytes: @unchecked Sendable {
        let start: UnsafeMutableRawPointer?
    }

    /// Keeps an array alive. Its elements do not move while a reference to the array exists that nobody writes
    /// through, and nobody has this one.
    private final class ArrayOwner: Sendable {
        let array: [UInt8]
        init(_ array: [UInt8]) { self.array = array }
    }

    init(_ array: [UInt8]) {
        let owner = ArrayOwner(array)
        self.owner = owner
        count = array.count
        bytes = Bytes(start: owner.array.withUnsafeBytes { UnsafeMutableRawPointer(mutating: $0.baseAddress) })
    }

    init(_ buffer: BulkBuffer) {
        owner = buffer
        count = buffer.count
        bytes = Bytes(start: buffer.memory.baseAddress)
    }

    /// Sends it as the last frame of a message.
    func send(on socket: UnsafeMutableRawPointer) -> Bool {
        var message = zmq_msg_t()
        let kept = Unmanaged.passRetained(owner as AnyObject)
        let outcome = zmq_msg_init_data(
            &message, bytes.start, count,
            { _, hint in
                guard let hint else { preconditionFailure("libzmq released a frame without its owner") }
                Unmanaged<AnyObject>.fromOpaque(hint).release()
            }, kept.toOpaque())
        precondition(outcome == 0, "libzmq has no memory for a message")
        if zmq_msg_send(&message, socket, ZMQ_DONTWAIT) >= 0 { return true }
        zmq_msg_close(&message)
        return false
    }
}
