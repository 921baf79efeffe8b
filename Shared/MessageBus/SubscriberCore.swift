internal import Logging
internal import Messages

/// The driver of a SUB socket: hands valid envelopes to the subscription's stream.
actor SubscriberCore {
    private enum Stage {
        case open(SocketRegistration, monitor: SocketRegistration)
        case closed
    }

    private static let messagesPerTurn = 256
    private static let frameLimit = 2

    nonisolated let thread: SocketThread
    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    private let endpoint: String
    private let logger: Logger
    private let output: AsyncStream<Envelope>.Continuation
    private var sockets: MonitoredSocket?
    private var address: PeerAddress
    private var stage = Stage.closed
    private var tracker: LivenessTracker
    private(set) var statistics = SubscriptionStatistics()

    init(
        endpoint: String, address: PeerAddress, thread: SocketThread, socket: consuming MonitoredSocket,
        limits: SubscriberLimits, output: AsyncStream<Envelope>.Continuation, logger: Logger
    ) {
        self.endpoint = endpoint
        self.thread = thread
        sockets = consume socket
        self.address = address
        self.output = output
        self.logger = logger
        tracker = LivenessTracker(
            .whenNothingIsHeard, heartbeatInterval: limits.silenceLimit, silenceLimit: limits.silenceLimit, now: .now)
    }

    func start() {
        guard let handle = sockets?.socket.handle, let monitorHandle = sockets?.monitor.handle else {
            preconditionFailure("a subscriber was started twice")
        }
        let registration = SocketRegistration(socket: handle) { [self] in assumeIsolated { $0.takeTurn() } }
        let watching = SocketRegistration(socket: monitorHandle) { [self] in assumeIsolated { $0.connectionChanged() } }
        stage = .open(registration, monitor: watching)
        thread.add(registration)
        thread.add(watching)
        lookAfterName()
    }

    var liveness: Liveness { tracker.liveness(at: .now) }

    private func takeTurn() {
        guard case .open = stage else { return }
        for _ in 0..<Self.messagesPerTurn {
            guard let message = sockets?.socket.receive(frameLimit: Self.frameLimit) else { return }
            guard message.frames.count == 1, message.droppedFrames == 0 else {
                statistics.malformed += 1
                continue
            }
            received(message.frames[0].array)
        }
    }

    private func received(_ frame: [UInt8]) {
        let envelope: Envelope
        do throws(EnvelopeFault) {
            envelope = try .decode(frame)
        } catch {
            statistics.malformed += 1
            logger.warning("bad event", metadata: ["endpoint": "\(endpoint)", "fault": "\(error.error)"])
            return
        }
        tracker.heard(at: .now)
        switch envelope.body {
        case .vaultEvent: break
        case .heartbeat: return
        case .error, .healthRequest, .healthReply, .vaultRequest, .vaultReply, .policyRequest, .policyReply,
            .agentRequest, .agentReply, .orchestratorRequest, .orchestratorReply, nil:
            statistics.malformed += 1
            return
        }
        statistics.received += 1
        switch output.yield(envelope) {
        case .enqueued, .terminated: break
        case .dropped: statistics.dropped += 1
        @unknown default: break
        }
    }

    // MARK: The publisher's address

    /// Whether the publisher is there is judged by what it sends; only its address depends on the connection.
    private func connectionChanged() {
        while let report = sockets?.nextReport() { _ = address.event(of: report) }
        lookAfterName()
    }

    private func lookAfterName() {
        guard case .open(_, let watching) = stage else { return }
        address.lookUpIfDue(on: thread, waking: watching) { [self] question, outcome in
            assumeIsolated { $0.nameAnswered(question, outcome) }
        }
    }

    private func nameAnswered(_ question: PeerAddressStateMachine.Question, _ outcome: NameResolver.Outcome) {
        guard case .open = stage else { return }
        takeTurn()
        // Nothing here depends on which address it is.
        _ = address.answered(question, outcome) { move throws(MessageBusError) in try sockets?.make(move) }
        connectionChanged()
    }

    func close() {
        output.finish()
        guard case .open(let registration, let watching) = stage else { return }
        stage = .closed
        thread.remove(registration)
        thread.remove(watching)
        sockets.take()?.close()
    }
}
