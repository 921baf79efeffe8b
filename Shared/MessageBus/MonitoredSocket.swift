/// A connecting socket together with libzmq's reports about its connection.
struct MonitoredSocket: ~Copyable {
    private static let eventFrameLimit = 3

    let socket: ZeroMQSocket
    let monitor: ZeroMQSocket

    init(socket: consuming ZeroMQSocket, monitor: consuming ZeroMQSocket) {
        self.socket = socket
        self.monitor = monitor
    }

    /// The next report that matters, or nil when there is none now.
    func nextEvent() -> ConnectionEvent? {
        while let message = monitor.receive(frameLimit: Self.eventFrameLimit) {
            if let event = ConnectionEvent(message) { return event }
        }
        return nil
    }

    consuming func close() {
        socket.stopMonitor()
        monitor.close()
        socket.close()
    }
}
