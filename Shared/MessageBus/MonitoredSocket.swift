/// A connecting socket together with libzmq's reports about its connection.
struct MonitoredSocket: ~Copyable {
    private static let eventFrameLimit = 3

    let socket: ZeroMQSocket
    let monitor: ZeroMQSocket

    init(socket: consuming ZeroMQSocket, monitor: consuming ZeroMQSocket) {
        self.socket = socket
        self.monitor = monitor
    }

    /// The next report of a kind that matters, or nil when there is none now.
    func nextReport() -> ConnectionReport? {
        while let message = monitor.receive(frameLimit: Self.eventFrameLimit) {
            if let report = ConnectionReport(message) { return report }
        }
        return nil
    }

    /// Goes where its peer is now.
    func make(_ move: PeerAddressStateMachine.Move) throws(MessageBusError) {
        switch move {
        case .stay: break
        case .connect(let endpoint): try socket.connect(endpoint)
        case .replace(let earlier, let endpoint):
            socket.disconnect(earlier)
            try socket.connect(endpoint)
        }
    }

    consuming func close() {
        socket.stopMonitor()
        monitor.close()
        socket.close()
    }
}
