internal import CZeroMQ
import Glibc

/// A socket, owned once and closed once. Used only on the thread that owns it at the time.
struct ZeroMQSocket: ~Copyable {
    enum SendOutcome {
        case sent
        /// The queue to the peer is full, or no peer is connected.
        case full
        /// The peer that was addressed is gone.
        case unreachable
    }

    private let pointer: UnsafeMutableRawPointer

    init(pointer: UnsafeMutableRawPointer) { self.pointer = pointer }

    /// Only a socket that was not closed gets here.
    deinit { Self.trap("a socket was dropped without being closed") }

    private static func trap(_ message: String) { precondition(message.isEmpty, message) }

    consuming func close() {
        zmq_close(pointer)
        discard self
    }

    var handle: SocketHandle { SocketHandle(pointer: pointer) }

    // MARK: Options

    func set(_ option: Int32, _ value: Int32) throws(MessageBusError) { try setScalar(option, value) }
    func setLong(_ option: Int32, _ value: Int64) throws(MessageBusError) { try setScalar(option, value) }

    private func setScalar<Value: FixedWidthInteger>(_ option: Int32, _ value: Value) throws(MessageBusError) {
        var value = value
        guard zmq_setsockopt(pointer, option, &value, MemoryLayout<Value>.size) == 0 else {
            throw .last("Socket option \(option) was refused")
        }
    }

    func subscribeToEverything() throws(MessageBusError) {
        guard zmq_setsockopt(pointer, ZMQ_SUBSCRIBE, nil, 0) == 0 else { throw .last("Subscribing was refused") }
    }

    func bind(_ endpoint: String) throws(MessageBusError) {
        guard zmq_bind(pointer, endpoint) == 0 else { throw .last("Binding failed", endpoint: endpoint) }
    }

    func connect(_ endpoint: String) throws(MessageBusError) {
        guard zmq_connect(pointer, endpoint) == 0 else { throw .last("Connecting failed", endpoint: endpoint) }
    }

    /// Of an endpoint that was connected to. What came from it and was not received is thrown away.
    func disconnect(_ endpoint: String) {
        precondition(
            zmq_disconnect(pointer, endpoint) == 0,
            "zmq_disconnect \(endpoint): \(String(cString: zmq_strerror(zmq_errno())))")
    }

    func startMonitor(at endpoint: String) throws(MessageBusError) {
        let events = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED
        guard zmq_socket_monitor(pointer, endpoint, events) == 0 else { throw .last("Monitoring was refused") }
    }

    func stopMonitor() { zmq_socket_monitor(pointer, nil, 0) }

    /// As bound, with the port number that the kernel chose.
    var boundEndpoint: String {
        // A UNIX socket path has at most 108 bytes, a TCP endpoint fewer.
        var text = [CChar](repeating: 0, count: 256)
        var size = text.count
        zmq_getsockopt(pointer, ZMQ_LAST_ENDPOINT, &text, &size)
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    // MARK: Messages

    /// Sends all frames or none; never waits.
    func send(_ frames: [[UInt8]]) -> SendOutcome {
        for (index, frame) in frames.enumerated() {
            let more = index + 1 < frames.count ? ZMQ_SNDMORE : 0
            let sent = frame.withUnsafeBytes { zmq_send(pointer, $0.baseAddress, $0.count, ZMQ_DONTWAIT | more) }
            if sent < 0 { return index == 0 ? refusal() : .unreachable }
        }
        return .sent
    }

    /// The same, with a last frame whose memory libzmq takes over.
    func send(_ frames: [[UInt8]], last: SharedFrame) -> SendOutcome {
        for (index, frame) in frames.enumerated() {
            let sent = frame.withUnsafeBytes {
                zmq_send(pointer, $0.baseAddress, $0.count, ZMQ_DONTWAIT | ZMQ_SNDMORE)
            }
            if sent < 0 { return index == 0 ? refusal() : .unreachable }
        }
        return last.send(on: pointer) ? .sent : .unreachable
    }

    /// Reads libzmq's error at once, because it is thread-local.
    private func refusal() -> SendOutcome {
        switch zmq_errno() {
        case EHOSTUNREACH: .unreachable
        case EAGAIN, EINTR: .full
        default: preconditionFailure("zmq_send: \(String(cString: zmq_strerror(zmq_errno())))")
        }
    }

    /// The next message, or nil when there is none now. Frames beyond the limit are read and dropped, and counted.
    func receive(frameLimit: Int) -> ReceivedMessage? {
        var message = ReceivedMessage()
        while true {
            let frame = ReceivedFrame()
            if zmq_msg_recv(frame.pointer, pointer, ZMQ_DONTWAIT) < 0 {
                // Frames of one message arrive together, so only the first can be missing.
                precondition(
                    zmq_errno() == EAGAIN || zmq_errno() == EINTR,
                    "zmq_msg_recv: \(String(cString: zmq_strerror(zmq_errno())))")
                return nil
            }
            if message.frames.count < frameLimit { message.frames.append(frame) } else { message.droppedFrames += 1 }
            if zmq_msg_more(frame.pointer) == 0 { return message }
        }
    }
}

/// What one receive brought.
struct ReceivedMessage {
    var frames: [ReceivedFrame] = []
    /// Frames beyond the limit.
    var droppedFrames = 0
}
