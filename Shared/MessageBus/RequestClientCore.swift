internal import FoundationEssentials
internal import Logging
internal import Messages

/// The driver of a request client: moves envelopes between its DEALER, the state machine and the waiting callers.
actor RequestClientCore {
    private struct Waiter {
        let request: Envelope
        /// Encoded by the caller; a repetition is encoded anew, because less time is left.
        var firstEncoding: [UInt8]
        let continuation: CheckedContinuation<Envelope, any Error>
    }

    private enum Stage {
        case open(SocketRegistration, monitor: SocketRegistration)
        case closed
    }

    private static let messagesPerTurn = 256
    private static let frameLimit = 3

    nonisolated let thread: SocketThread
    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    private let name: String
    private let endpoint: String
    private let limits: RequestClientLimits
    private let logger: Logger
    private var sockets: MonitoredSocket?
    private var address: PeerAddress
    private var stage = Stage.closed
    private var machine: RequestClientStateMachine
    private var waiters: [OperationIdentifier: Waiter] = [:]

    init(
        name: String, endpoint: String, address: PeerAddress, thread: SocketThread,
        socket: consuming MonitoredSocket, limits: RequestClientLimits, logger: Logger
    ) {
        self.name = name
        self.endpoint = endpoint
        self.thread = thread
        sockets = consume socket
        self.address = address
        self.limits = limits
        self.logger = logger
        machine = RequestClientStateMachine(endpoint: endpoint, limits: limits, now: .now)
    }

    func start() {
        guard let handle = sockets?.socket.handle, let monitorHandle = sockets?.monitor.handle else {
            preconditionFailure("a request client was started twice")
        }
        let registration = SocketRegistration(socket: handle) { [self] in assumeIsolated { $0.takeTurn() } }
        let watching = SocketRegistration(socket: monitorHandle) { [self] in
            assumeIsolated { $0.connectionChanged() }
        }
        stage = .open(registration, monitor: watching)
        thread.add(registration)
        thread.add(watching)
        lookAfterName()
        arrangeNextTurn()
    }

    var liveness: Liveness { machine.liveness.liveness(at: .now) }
    var strayReplies: UInt64 { machine.strayReplies }

    /// Encodes on the caller's own thread, then hands over.
    nonisolated func call(_ request: Envelope, deadline: ContinuousClock.Instant) async throws -> Envelope {
        let operation = request.operation
        let encoded = request.encoded()
        guard encoded.count <= FrameLimits.controlFrameBytes else {
            throw RemoteError(
                .invalidArgument, "The request is larger than a frame may be.", remedy: "Send less at once.",
                facts: ["origin": "caller", "bytes": "\(encoded.count)", "limit": "\(FrameLimits.controlFrameBytes)"])
        }
        return try await thread.answer { [self] continuation, cancellation in
            let waiter = Waiter(request: request, firstEncoding: encoded, continuation: continuation)
            assumeIsolated { $0.begin(operation, waiter, deadline: deadline, cancellation) }
        } cancel: { [self] in
            assumeIsolated { $0.cancel(operation) }
        }
    }

    private func begin(
        _ operation: OperationIdentifier, _ waiter: Waiter, deadline: ContinuousClock.Instant,
        _ cancellation: CancellationFlag
    ) {
        guard case .open = stage else { return waiter.continuation.resume(throwing: closedError) }
        guard !cancellation.isSet else { return waiter.continuation.resume(throwing: CancellationError()) }
        switch machine.begin(operation, deadline: deadline) {
        case .refused(let error): waiter.continuation.resume(throwing: error)
        case .begun:
            waiters[operation] = waiter
            sendUnsent()
            arrangeNextTurn()
        }
    }

    private func cancel(_ operation: OperationIdentifier) {
        guard machine.cancelled(operation) else { return }
        takeWaiter(operation).continuation.resume(throwing: CancellationError())
    }

    // MARK: Turns

    private func takeTurn() {
        guard case .open(let registration, _) = stage else { return }
        registration.deadline = nil
        receive()
        let now = ContinuousClock.now
        for (operation, error) in machine.timePassed(now: now) {
            var error = error
            if let why = address.nameFailure { error.facts["name_not_found"] = why }
            takeWaiter(operation).continuation.resume(throwing: error)
        }
        sendUnsent()
        if machine.liveness.heartbeatDue <= now { sendHeartbeat(now) }
        arrangeNextTurn()
    }

    private func receive() {
        for _ in 0..<Self.messagesPerTurn {
            guard let message = sockets?.socket.receive(frameLimit: Self.frameLimit) else { return }
            guard message.frames.count == 1, message.droppedFrames == 0 else { continue }
            received(message.frames[0].array)
        }
    }

    private func received(_ frame: [UInt8]) {
        let envelope: Envelope
        do throws(EnvelopeFault) {
            envelope = try .decode(frame)
        } catch {
            // Not from a service of this version. The call keeps trying and ends at its deadline, unless the answer
            // says which call it is for.
            logger.warning("bad reply", metadata: ["endpoint": "\(endpoint)", "fault": "\(error.error)"])
            if let operation = OperationIdentifier(bytes: error.envelope?.operationID ?? Data()) {
                failed(operation, error.error)
            }
            return
        }
        machine.heard(now: .now)
        switch envelope.body {
        case .heartbeat: return
        case .error(let wire): failed(envelope.operation, RemoteError(wire: wire))
        case .healthReply, .vaultReply, .policyReply, .agentReply, .orchestratorReply:
            guard machine.replied(envelope.operation, error: nil) else { return }
            takeWaiter(envelope.operation).continuation.resume(returning: envelope)
        case .healthRequest, .vaultRequest, .policyRequest, .agentRequest, .orchestratorRequest, .vaultEvent, nil:
            logger.warning("reply of a wrong kind", metadata: ["endpoint": "\(endpoint)"])
        }
    }

    private func failed(_ operation: OperationIdentifier, _ error: RemoteError) {
        guard machine.replied(operation, error: error) else { return }
        takeWaiter(operation).continuation.resume(throwing: error)
    }

    private func sendUnsent() {
        guard case .open(let registration, _) = stage else { return }
        registration.wantsWrite = false
        while let next = machine.nextToSend() {
            guard let waiter = waiters[next.operation] else { preconditionFailure("a call has nobody waiting") }
            var bytes = waiter.firstEncoding
            if next.isRepetition {
                var request = waiter.request
                request.timeLeftMs = ContinuousClock.now.duration(to: next.deadline).wireMilliseconds
                bytes = request.encoded()
            }
            guard case .sent = sockets?.socket.send([bytes]) else {
                registration.wantsWrite = true
                return
            }
            machine.sent(next.operation, now: .now)
        }
    }

    /// Not sent while calls are waiting to go out: those say as much.
    private func sendHeartbeat(_ now: ContinuousClock.Instant) {
        machine.heartbeatSent(now: now)
        guard machine.isConnected, !machine.hasUnsent else { return }
        // Nobody connected is what `liveness` will say by itself; no need to act on the outcome.
        _ = sockets?.socket.send([Envelope.unsolicited(.heartbeat(Heartbeat()), sender: name).encoded()])
    }

    private func arrangeNextTurn() {
        guard case .open(let registration, _) = stage else { return }
        registration.deadline = min(machine.nextWake ?? machine.liveness.heartbeatDue, machine.liveness.heartbeatDue)
    }

    private func connectionChanged() {
        while let report = sockets?.nextReport() {
            switch address.event(of: report) {
            case .disconnected: machine.disconnected()
            case .connected: machine.connected()
            case nil: break
            }
        }
        lookAfterName()
        sendUnsent()
        arrangeNextTurn()
    }

    private func lookAfterName() {
        guard case .open(_, let watching) = stage else { return }
        address.lookUpIfDue(on: thread, waking: watching) { [self] question, outcome in
            assumeIsolated { $0.nameAnswered(question, outcome) }
        }
    }

    private func nameAnswered(_ question: PeerAddressStateMachine.Question, _ outcome: NameResolver.Outcome) {
        guard case .open = stage else { return }
        // What the earlier address said, before it is given up.
        receive()
        let found = address.answered(question, outcome) { move throws(MessageBusError) in try sockets?.make(move) }
        if found == .otherAddress { machine.disconnected() }
        connectionChanged()
    }

    private func takeWaiter(_ operation: OperationIdentifier) -> Waiter {
        guard let waiter = waiters.removeValue(forKey: operation) else {
            preconditionFailure("a call ended that nobody waits for")
        }
        return waiter
    }

    private var closedError: RemoteError {
        RemoteError(
            .unavailable, "The connection to \(endpoint) was closed here.", retryable: false,
            facts: ["origin": "caller"])
    }

    func close() {
        guard case .open(let registration, let watching) = stage else { return }
        stage = .closed
        thread.remove(registration)
        thread.remove(watching)
        sockets.take()?.close()
        for waiter in waiters.values { waiter.continuation.resume(throwing: closedError) }
        waiters = [:]
    }
}
