internal import CZeroMQ

/// One report as it arrives: a first frame of event (u16) and value (u32) in host byte order, then the endpoint that was
/// connected to (zmq_socket_monitor(3)).
struct ConnectionReport {
    let event: ConnectionEvent
    let endpoint: String

    /// Nil for what nobody here waits for.
    init?(_ message: ReceivedMessage) {
        guard message.frames.count == 2, message.frames[0].count >= 6 else { return nil }
        let event = message.frames[0].withUnsafeBytes { $0.loadUnaligned(as: UInt16.self) }
        switch Int32(event) {
        case ZMQ_EVENT_HANDSHAKE_SUCCEEDED: self.event = .connected
        case ZMQ_EVENT_DISCONNECTED: self.event = .disconnected
        default: return nil
        }
        endpoint = String(decoding: message.frames[1].array, as: UTF8.self)
    }
}
