import CZeroMQ
import Testing

/// A bare libzmq socket, to send what the bus itself never would.
///
/// @unchecked because: a test uses it from one task at a time.
final class RawSocket: @unchecked Sendable {
    enum Kind {
        case dealer, router, request, publisher
    }

    struct Failure: Error {
        let number: Int32
    }

    private let context: UnsafeMutableRawPointer
    private let socket: UnsafeMutableRawPointer
    private(set) var endpoint: String

    init(_ kind: Kind, connectingTo endpoint: String) throws {
        (context, socket) = Self.make(kind)
        self.endpoint = endpoint
        guard zmq_connect(socket, endpoint) == 0 else { throw Failure(number: zmq_errno()) }
    }

    init(_ kind: Kind, bindingTo endpoint: String) throws {
        (context, socket) = Self.make(kind)
        self.endpoint = endpoint
        guard zmq_bind(socket, endpoint) == 0 else { throw Failure(number: zmq_errno()) }
        var text = [CChar](repeating: 0, count: 256)
        var size = text.count
        zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, &text, &size)
        self.endpoint = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func make(_ kind: Kind) -> (UnsafeMutableRawPointer, UnsafeMutableRawPointer) {
        let type =
            switch kind {
            case .dealer: ZMQ_DEALER
            case .router: ZMQ_ROUTER
            case .request: ZMQ_REQ
            case .publisher: ZMQ_PUB
            }
        guard let context = zmq_ctx_new(), let socket = zmq_socket(context, type) else {
            preconditionFailure("no socket for a test")
        }
        var linger: Int32 = 0
        zmq_setsockopt(socket, ZMQ_LINGER, &linger, MemoryLayout<Int32>.size)
        return (context, socket)
    }

    func send(_ frames: [[UInt8]]) {
        for (index, frame) in frames.enumerated() {
            let more = index + 1 < frames.count ? ZMQ_SNDMORE : 0
            let sent = frame.withUnsafeBytes { zmq_send(socket, $0.baseAddress, $0.count, more) }
            precondition(sent >= 0, "a test could not send: \(zmq_errno())")
        }
    }

    /// Nil when nothing is there now.
    func receive() -> [[UInt8]]? {
        var frames: [[UInt8]] = []
        while true {
            var message = zmq_msg_t()
            zmq_msg_init(&message)
            defer { zmq_msg_close(&message) }
            guard zmq_msg_recv(&message, socket, ZMQ_DONTWAIT) >= 0 else { return nil }
            let bytes = UnsafeRawBufferPointer(start: zmq_msg_data(&message), count: zmq_msg_size(&message))
            frames.append([UInt8](bytes))
            if zmq_msg_more(&message) == 0 { return frames }
        }
    }

    func close() {
        zmq_close(socket)
        zmq_ctx_term(context)
    }
}

extension RawSocket {
    /// Waits for a message; fails the test when none comes.
    func next() async throws -> [[UInt8]] {
        var message: [[UInt8]]?
        try await eventually("a message arrives at a bare socket") {
            message = receive()
            return message != nil
        }
        return message ?? []
    }
}
