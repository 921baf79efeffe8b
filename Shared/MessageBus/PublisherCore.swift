internal import Messages

/// The driver of a PUB socket.
actor PublisherCore {
    private enum Stage {
        case open(SocketRegistration)
        case closed
    }

    nonisolated let thread: SocketThread
    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    private let name: String
    private let limits: PublisherLimits
    private var socket: ZeroMQSocket?
    private var stage = Stage.closed
    private var position: EventPosition?

    init(
        name: String, thread: SocketThread, socket: consuming ZeroMQSocket, position: EventPosition?,
        limits: PublisherLimits
    ) {
        self.name = name
        self.thread = thread
        self.socket = consume socket
        self.position = position
        self.limits = limits
    }

    func start() {
        guard let handle = socket?.handle else { preconditionFailure("a publisher was started twice") }
        let registration = SocketRegistration(socket: handle) { [self] in assumeIsolated { $0.sendHeartbeat() } }
        stage = .open(registration)
        thread.add(registration)
        registration.deadline = .now + limits.heartbeatInterval
    }

    func publish(_ encoded: [UInt8], position: EventPosition?) {
        guard case .open(let registration) = stage else { return }
        if let position { self.position = position }
        send(encoded, registration)
    }

    /// Repeats the newest number, so that a subscriber that missed the last event learns so.
    private func sendHeartbeat() {
        guard case .open(let registration) = stage else { return }
        let body: Envelope.OneOf_Body
        if let position {
            body = .vaultEvent(VaultEvent(position: position))
        } else {
            body = .heartbeat(Heartbeat())
        }
        send(Envelope.unsolicited(body, sender: name).encoded(), registration)
    }

    /// A PUB socket never blocks: for a subscriber whose queue is full it drops the event, and the numbers show it.
    private func send(_ encoded: [UInt8], _ registration: SocketRegistration) {
        _ = socket?.send([encoded])
        registration.deadline = .now + limits.heartbeatInterval
    }

    func stop() {
        guard case .open(let registration) = stage else { return }
        stage = .closed
        thread.remove(registration)
        socket.take()?.close()
    }
}
