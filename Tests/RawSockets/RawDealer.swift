import CZeroMQ

/// A DEALER that sends any frames, right or wrong, which the message bus never would. Calls block for at most five
/// seconds.
package final class RawDealer {
    /// What libzmq could not do, and its error number.
    package struct Failure: Error {
        let call: String
        let number: Int32
    }

    private let context: UnsafeMutableRawPointer
    private let socket: UnsafeMutableRawPointer

    package init(to endpoint: String) throws {
        guard let context = zmq_ctx_new(), let socket = zmq_socket(context, ZMQ_DEALER) else {
            throw Failure(call: "zmq_socket", number: zmq_errno())
        }
        self.context = context
        self.socket = socket
        for (option, value) in [(ZMQ_LINGER, Int32(0)), (ZMQ_SNDTIMEO, 5_000)] {
            var value = value
            try check("zmq_setsockopt", zmq_setsockopt(socket, option, &value, MemoryLayout<Int32>.size) == 0)
        }
        try check("zmq_connect", zmq_connect(socket, endpoint) == 0)
    }

    deinit {
        zmq_close(socket)
        zmq_ctx_term(context)
    }

    package func send(_ frames: [[UInt8]]) throws {
        for (index, frame) in frames.enumerated() {
            let flags = index + 1 < frames.count ? ZMQ_SNDMORE : 0
            try check("zmq_send", zmq_send(socket, frame, frame.count, flags) == frame.count)
        }
    }

    /// The last frame of the next message; `nil` when none came within 20 s.
    ///
    /// It asks again and again instead of blocking: the service that should answer may live in the same process and need
    /// the thread.
    package func receive() async -> [UInt8]? {
        let ends = ContinuousClock.now + .seconds(20)
        repeat {
            if let frame = receiveNow() { return frame }
            // A poll with a deadline, because libzmq tells of a message only through a descriptor.
            do { try await Task.sleep(for: .milliseconds(5)) } catch { return nil }
        } while ContinuousClock.now < ends
        return nil
    }

    private func receiveNow() -> [UInt8]? {
        var message = zmq_msg_t()
        zmq_msg_init(&message)
        defer { zmq_msg_close(&message) }
        var frame: [UInt8] = []
        repeat {
            // The frames of one message arrive together.
            guard zmq_msg_recv(&message, socket, ZMQ_DONTWAIT) >= 0 else { return nil }
            let count = zmq_msg_size(&message)
            frame = [UInt8](UnsafeRawBufferPointer(start: zmq_msg_data(&message), count: count))
        } while zmq_msg_more(&message) != 0
        return frame
    }

    private func check(_ call: String, _ succeeded: Bool) throws {
        if !succeeded { throw Failure(call: call, number: zmq_errno()) }
    }
}
