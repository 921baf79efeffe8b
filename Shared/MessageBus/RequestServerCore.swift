internal import Logging
internal import Messages

/// The driver of a request server: moves messages between its ROUTER, the state machine and the handlers' tasks.
actor RequestServerCore {
    typealias Handler = @Sendable @concurrent (IncomingRequest) async throws -> Envelope.OneOf_Body

    private enum Stage {
        case idle
        case serving(SocketRegistration)
        case stopping
        case stopped
    }

    /// Messages taken in one turn, so that several sockets of a thread stay fair to each other.
    private static let messagesPerTurn = 256
    /// Routing frame, empty frame, envelope, and one that is one too many.
    private static let frameLimit = 4

    nonisolated let thread: SocketThread
    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    private let name: String
    private let limits: RequestServerLimits
    private let handler: Handler
    private let logger: Logger
    private var socket: ZeroMQSocket?
    private var stage = Stage.idle
    private var machine: RequestServerStateMachine
    private var tasks: [OperationIdentifier: Task<Void, Never>] = [:]
    private let stopped = OneTimeSignal()

    init(
        name: String, thread: SocketThread, socket: consuming ZeroMQSocket, limits: RequestServerLimits,
        logger: Logger, handler: @escaping Handler
    ) {
        self.name = name
        self.thread = thread
        self.socket = consume socket
        self.limits = limits
        self.logger = logger
        self.handler = handler
        machine = RequestServerStateMachine(name: name, limits: limits)
    }

    func start() {
        guard let handle = socket?.handle else { preconditionFailure("a request server was started twice") }
        let registration = SocketRegistration(socket: handle) { [self] in assumeIsolated { $0.takeTurn() } }
        stage = .serving(registration)
        thread.add(registration)
    }

    var statistics: RequestServerStatistics { machine.statistics }

    private func takeTurn() {
        guard case .serving = stage else { return }
        for _ in 0..<Self.messagesPerTurn {
            guard let message = socket?.receive(frameLimit: Self.frameLimit) else { return }
            let frames = message.frames.map(\.array)
            let action = machine.received(
                Array(frames.dropFirst()), hasMore: message.droppedFrames > 0, from: PeerIdentity(frames[0]),
                now: .now)
            switch action {
            case .nothing: break
            case .answer(let address, let reply): send(reply, to: [address])
            case .handle(let envelope, let deadline):
                begin(
                    IncomingRequest(
                        envelope: envelope, deadline: deadline, peer: PeerIdentity(frames[0]).description))
            }
        }
    }

    private func begin(_ request: IncomingRequest) {
        let operation = request.envelope.operation
        tasks[operation] = Task.detached { [self] in
            let (body, remember) = await answer(request)
            var reply = request.envelope.reply(body, sender: name).encoded()
            if reply.count > FrameLimits.controlFrameBytes {
                reply = request.envelope.reply(.error(tooLarge(reply.count).wire), sender: name).encoded()
            }
            await finish(operation, reply: reply, remember: remember)
        }
    }

    @concurrent
    private nonisolated func answer(_ request: IncomingRequest) async -> (Envelope.OneOf_Body, remember: Bool) {
        guard request.deadline > .now else {
            await countExpired()
            let error = RemoteError(.deadlineExceeded, "The deadline was over before the request could be begun.")
            return (.error(error.wire), false)
        }
        do {
            return (try await handler(request), true)
        } catch let error as RemoteError {
            return (.error(error.wire), !error.retryable)
        } catch is CancellationError {
            let error = RemoteError(
                .unavailable, "\(name) is stopping.", remedy: "Repeat it with the same operation identifier.",
                facts: [BusRefusal.fact: BusRefusal.stopping.rawValue])
            return (.error(error.wire), false)
        } catch {
            logger.error(
                "request failed",
                metadata: [
                    "operation": "\(request.envelope.operation)", "sender": "\(request.envelope.sender)",
                    "trace": "\(request.envelope.trace)", "error": "\(error)",
                ])
            let answer = RemoteError(
                .internal, "\(error)", remedy: "See the log of \(name).",
                facts: ["type": String(describing: type(of: error))])
            return (.error(answer.wire), true)
        }
    }

    private nonisolated func tooLarge(_ count: Int) -> RemoteError {
        RemoteError(
            .internal, "The answer is larger than a frame may be.", remedy: "Ask for less at once.",
            facts: ["bytes": "\(count)", "limit": "\(FrameLimits.controlFrameBytes)"])
    }

    private func countExpired() { machine.statistics.expired += 1 }

    private func finish(_ operation: OperationIdentifier, reply: [UInt8], remember: Bool) {
        tasks[operation] = nil
        send(reply, to: machine.finished(operation, reply: reply, remember: remember))
    }

    /// A reply that cannot go out is dropped: its caller asks again and is answered from memory.
    private func send(_ reply: [UInt8], to addresses: [ReplyAddress]) {
        for address in addresses {
            switch socket?.send(address.frames(reply)) {
            case .sent: break
            case .full, .unreachable, nil: machine.statistics.undeliverable += 1
            }
        }
    }

    func stop() async {
        switch stage {
        case .stopping, .stopped: return await stopped.wait()
        case .serving(let registration): thread.remove(registration)
        case .idle: break
        }
        stage = .stopping
        let grace = limits.stopGrace
        let running = Array(tasks.values)
        let canceller = Task {
            try await Task.sleep(for: grace)
            for task in running { task.cancel() }
        }
        for task in running { await task.value }
        canceller.cancel()
        _ = await canceller.result
        socket.take()?.close()
        stage = .stopped
        stopped.fire()
    }
}
