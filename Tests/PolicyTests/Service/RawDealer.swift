import CZeroMQ
import Testing

/// A DEALER that sends any frames, right or wrong. Calls block for at most five seconds.
final class RawDealer {
    private let context: UnsafeMutableRawPointer
    private let socket: UnsafeMutableRawPointer

    init(to endpoint: String) throws {
        context = try #require(zmq_ctx_new())
        socket = try #require(zmq_socket(context, ZMQ_DEALER))
        for (option, value) in [(ZMQ_LINGER, Int32(0)), (ZMQ_RCVTIMEO, 5_000), (ZMQ_SNDTIMEO, 5_000)] {
            var value = value
            try #require(zmq_setsockopt(socket, option, &value, MemoryLayout<Int32>.size) == 0)
        }
        try #require(zmq_connect(socket, endpoint) == 0)
    }

    deinit {
        zmq_close(socket)
        zmq_ctx_term(context)
    }

    func send(_ frames: [[UInt8]]) throws {
        for (index, frame) in frames.enumerated() {
            let flags = index + 1 < frames.count ? ZMQ_SNDMORE : 0
            try #require(zmq_send(socket, frame, frame.count, flags) == frame.count)
        }
    }

    /// The last frame of the next message; `nil` when none came in time.
    func receive() -> [UInt8]? {
        var message = zmq_msg_t()
        zmq_msg_init(&message)
        defer { zmq_msg_close(&message) }
        var frame: [UInt8] = []
        repeat {
            guard zmq_msg_recv(&message, socket, 0) >= 0 else { return nil }
            let count = zmq_msg_size(&message)
            frame = [UInt8](UnsafeRawBufferPointer(start: zmq_msg_data(&message), count: count))
        } while zmq_msg_more(&message) != 0
        return frame
    }
}
