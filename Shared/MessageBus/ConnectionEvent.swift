internal import CZeroMQ

/// Reads what libzmq reports about a connection: a first frame of event (u16) and value (u32) in host byte order, then
/// the address (zmq_socket_monitor(3)).
enum ConnectionEvent {
    case connected
    case disconnected

    init?(_ message: ReceivedMessage) {
        guard let frame = message.frames.first, frame.count >= 6 else { return nil }
        let event = frame.withUnsafeBytes { $0.loadUnaligned(as: UInt16.self) }
        switch Int32(event) {
        case ZMQ_EVENT_HANDSHAKE_SUCCEEDED: self = .connected
        case ZMQ_EVENT_DISCONNECTED: self = .disconnected
        default: return nil
        }
    }
}
