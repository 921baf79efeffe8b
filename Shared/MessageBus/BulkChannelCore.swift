internal import Logging
internal import Messages

/// The driver of a bulk channel: moves frames between its DEALER, the state machine and whoever waits.
actor BulkChannelCore {
    private static let messagesPerTurn = 256
    private static let frameLimit = 3

    nonisolated let thread: SocketThread
    nonisolated let gate: CreditGate
    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    private let endpoint: String
    private let errors: BulkChannelErrors
    private let limits: BulkChannelLimits
    private let logger: Logger
    private var sockets: MonitoredSocket?
    private var address: PeerAddress
    private var stage = BulkChannelStage.closed
    private var machine: BulkSenderStateMachine
    private var liveness: LivenessTracker
    private var questions = BulkQuestions()
    private var outbox = BulkOutbox()

    init(
        endpoint: String, address: PeerAddress, thread: SocketThread, socket: consuming MonitoredSocket,
        limits: BulkChannelLimits, logger: Logger
    ) {
        self.endpoint = endpoint
        errors = BulkChannelErrors(endpoint: endpoint)
        self.thread = thread
        sockets = consume socket
        self.address = address
        self.limits = limits
        self.logger = logger
        gate = CreditGate(waitersLimit: limits.sendersWaiting)
        machine = BulkSenderStateMachine(endpoint: endpoint)
        liveness = LivenessTracker(
            .whenNothingIsSent, heartbeatInterval: limits.heartbeatInterval, silenceLimit: limits.silenceLimit,
            now: .now)
    }

    func start() {
        guard let handle = sockets?.socket.handle, let monitorHandle = sockets?.monitor.handle else {
            preconditionFailure("a bulk channel was started twice")
        }
        let registration = SocketRegistration(socket: handle) { [self] in assumeIsolated { $0.takeTurn() } }
        let watching = SocketRegistration(socket: monitorHandle) { [self] in assumeIsolated { $0.connectionChanged() } }
        stage = .connecting(.init(socket: registration, monitor: watching))
        thread.add(registration)
        thread.add(watching)
        lookAfterName()
    }

    // MARK: What the channel's owner asks

    nonisolated func open(_ hello: BulkHello) async throws {
        let deadline = ContinuousClock.now + limits.openDeadline
        _ = try await wait { core, continuation in
            core.liveness.heard(at: .now)
            core.ask(.welcome, core.machine.hello(attempt: hello.attempt), hello.body, deadline, continuation)
        }
    }

    /// Hands a record over once there is credit for it. Does not wait for the socket thread.
    nonisolated func send(_ record: SharedFrame) async throws {
        precondition(record.count > 0 && record.count <= FrameLimits.bulkFrameBytes, "a record of a wrong size")
        try await gate.take(CreditAccount.cost(ofRecordBytes: record.count))
        thread.post { [self] in assumeIsolated { $0.sendRecord(record) } }
    }

    nonisolated func hashes(_ request: BulkHashRequest, deadline: Duration) async throws -> [UInt8] {
        precondition(request.isAcceptable, "a hash request of a wrong range")
        let deadline = ContinuousClock.now + deadline
        return try await wait { core, continuation in
            do throws(RemoteError) {
                let header = try core.machine.hashRequest(request)
                core.ask(.hashes(header.sequence), header, request.body, deadline, continuation)
            } catch {
                continuation.resume(throwing: error)
            }
        }
    }

    nonisolated func finish(digest: [UInt8], deadline: Duration) async throws -> [UInt8] {
        precondition(digest.count == 32, "a digest of a wrong length")
        let deadline = ContinuousClock.now + deadline
        return try await wait { core, continuation in
            do throws(RemoteError) {
                core.ask(.stored, try core.machine.finish(), digest, deadline, continuation)
            } catch {
                continuation.resume(throwing: error)
            }
        }
    }

    /// Cancelling a task that waits for an answer ends the whole channel, because the answer could no longer be told
    /// from the next one.
    private nonisolated func wait(
        _ begin: @escaping @Sendable (isolated BulkChannelCore, BulkQuestions.Continuation) -> Void
    ) async throws -> [UInt8] {
        try await thread.answer { [self] continuation, cancellation in
            assumeIsolated { core in
                if cancellation.isSet { return continuation.resume(throwing: CancellationError()) }
                guard core.registrations != nil else { return continuation.resume(throwing: core.machine.closedError) }
                begin(core, continuation)
            }
        } cancel: { [self] in
            assumeIsolated { $0.cancelled() }
        }
    }

    private func ask(
        _ key: BulkQuestions.Key, _ header: BulkFrameHeader, _ body: [UInt8], _ deadline: ContinuousClock.Instant,
        _ continuation: BulkQuestions.Continuation
    ) {
        questions.add(key, deadline: deadline, continuation)
        send(header, SharedFrame(body))
        arrangeNextTurn()
    }

    private func cancelled() {
        guard !questions.isEmpty else { return }
        abandon()
        end(with: CancellationError())
    }

    private func sendRecord(_ record: SharedFrame) {
        guard registrations != nil else { return }
        // A channel that failed has told its sender already, through the gate or the next call.
        guard machine.failure == nil else { return }
        do throws(RemoteError) {
            send(try machine.record(), record)
        } catch {
            fail(error)
        }
    }

    func abandon() {
        guard registrations != nil, let header = machine.abandon() else { return }
        // What still waits to be sent is of no use any more.
        outbox.removeAll()
        send(header, SharedFrame([]))
        end(with: machine.closedError)
    }

    func close() {
        guard let registrations else { return }
        abandon()
        end(with: machine.closedError)
        stage = .closed
        thread.remove(registrations.socket)
        thread.remove(registrations.monitor)
        outbox.removeAll()
        sockets.take()?.close()
    }

    private var registrations: BulkChannelStage.Registrations? { stage.registrations }

    // MARK: Turns

    private func takeTurn() {
        guard registrations != nil else { return }
        receive()
        flush()
        let now = ContinuousClock.now
        if machine.isUnderWay {
            // Before the welcome its own deadline decides.
            if now >= liveness.silentFrom, !questions.awaitsWelcome {
                fail(unavailable("The bulk receiver has been silent for \(limits.silenceLimit)."))
            } else if let key = questions.late(at: now) {
                fail(errors.late(key, nameFailure: address.nameFailure))
            } else if liveness.heartbeatDue <= now {
                liveness.sent(at: now)
                // What waits to be sent says as much, and before the welcome there is nobody to tell.
                if outbox.isEmpty, !questions.awaitsWelcome {
                    send(BulkFrameHeader(.heartbeat, attempt: machine.attempt), SharedFrame([]))
                }
            }
        }
        arrangeNextTurn()
    }

    private func receive() {
        for _ in 0..<Self.messagesPerTurn {
            guard let message = sockets?.socket.receive(frameLimit: Self.frameLimit) else { return }
            do throws(BulkFrameHeader.Fault) {
                guard message.frames.count == 2, message.droppedFrames == 0 else { throw .wrongFrameCount }
                let header = try BulkFrameHeader(
                    decoding: message.frames[0].array, bodyCount: message.frames[1].count)
                liveness.heard(at: .now)
                received(header, message.frames[1].array)
            } catch {
                fail(machine.violation("\(error)"))
            }
        }
    }

    private func received(_ header: BulkFrameHeader, _ body: [UInt8]) {
        switch machine.received(header, body: body) {
        case .nothing: break
        case .welcomed(let credit):
            grant(credit)
            questions.answer(.welcome, [])
        case .credit(let bytes): grant(bytes)
        case .hashes(let sequence): questions.answer(.hashes(sequence), body)
        case .stored: questions.answer(.stored, body)
        case .fail(let error): fail(error)
        }
    }

    private func grant(_ bytes: UInt64) {
        if !gate.grant(bytes) { fail(machine.violation("It granted \(bytes) bytes of credit.")) }
    }

    private func connectionChanged() {
        while let report = sockets?.nextReport() {
            guard let registrations else { return }
            switch address.event(of: report) {
            case .connected: stage = .connected(registrations)
            case .disconnected: lostConnection(registrations)
            case nil: break
            }
        }
        lookAfterName()
        flush()
    }

    private func lostConnection(_ registrations: BulkChannelStage.Registrations) {
        stage = .connecting(registrations)
        // What was said on the lost connection cannot be taken up on another.
        receive()
        if machine.isUnderWay { fail(unavailable("The connection to the bulk receiver was lost.")) }
    }

    private func lookAfterName() {
        guard let registrations else { return }
        address.lookUpIfDue(on: thread, waking: registrations.monitor) { [self] question, outcome in
            assumeIsolated { $0.nameAnswered(question, outcome) }
        }
    }

    private func nameAnswered(_ question: PeerAddressStateMachine.Question, _ outcome: NameResolver.Outcome) {
        guard registrations != nil else { return }
        let found = address.answered(question, outcome) { move throws(MessageBusError) in try sockets?.make(move) }
        if found == .otherAddress, case .connected(let registrations) = stage { lostConnection(registrations) }
        connectionChanged()
    }

    // MARK: Sending

    private func send(_ header: BulkFrameHeader, _ body: SharedFrame) {
        outbox.add(header, body)
        flush()
    }

    private func flush() {
        guard case .connected(let registrations) = stage else { return }
        let hasSent = outbox.flush { header, body in sockets?.socket.send([header], last: body) }
        if hasSent { liveness.sent(at: .now) }
        registrations.socket.wantsWrite = !outbox.isEmpty
    }

    private func arrangeNextTurn() {
        guard let registration = registrations?.socket else { return }
        guard machine.isUnderWay else {
            registration.deadline = nil
            return
        }
        let silentFrom = questions.awaitsWelcome ? liveness.heartbeatDue : liveness.silentFrom
        let ownDeadline = min(silentFrom, liveness.heartbeatDue)
        registration.deadline = questions.nextDeadline.map { min($0, ownDeadline) } ?? ownDeadline
    }

    // MARK: Ending

    private func fail(_ error: RemoteError) {
        guard let error = machine.failed(error) else { return }
        outbox.removeAll()
        end(with: error)
    }

    private func end(with error: any Error) {
        gate.fail(error)
        questions.fail(error)
    }

    private func unavailable(_ sentence: String) -> RemoteError {
        errors.unavailable(sentence, nameFailure: address.nameFailure)
    }

    /// Called from outside, because a thread cannot wait for its own end.
    nonisolated func closeWithThread() async {
        await close()
        await thread.stop()
    }
}
