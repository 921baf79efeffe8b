internal import Logging
internal import Messages

/// The driver of a bulk server: moves frames between its ROUTER, the state machine of each transfer, and its handler.
actor BulkServerCore {
    private struct Entry {
        let transfer: BulkTransfer
        var machine: BulkReceiverStateMachine
        var liveness: LivenessTracker
        let thread: WorkThread
        let task: Task<Void, Never>
    }

    private enum Stage {
        case idle
        case serving(SocketRegistration)
        case stopping
        case stopped
    }

    private static let messagesPerTurn = 64
    /// Routing frame, header, body, and one that is one too many.
    private static let frameLimit = 4
    /// How often transfers are looked at for silence.
    private static let watchInterval: Duration = .seconds(1)
    /// Peers whose transfer ended and whose last records may still arrive.
    private static let rememberedPeers = 256

    nonisolated let thread: SocketThread
    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    private let limits: BulkServerLimits
    private let handler: any BulkServerHandler
    private let logger: Logger
    private var socket: ZeroMQSocket?
    private var stage = Stage.idle
    private var entries: [PeerIdentity: Entry] = [:]
    private var endedPeers: [PeerIdentity] = []
    private(set) var statistics = BulkServerStatistics()
    private let stopped = OneTimeSignal()

    init(
        thread: SocketThread, socket: consuming ZeroMQSocket, limits: BulkServerLimits,
        handler: any BulkServerHandler, logger: Logger
    ) {
        self.thread = thread
        self.socket = consume socket
        self.limits = limits
        self.handler = handler
        self.logger = logger
    }

    func start() {
        guard let handle = socket?.handle else { preconditionFailure("a bulk server was started twice") }
        let registration = SocketRegistration(socket: handle) { [self] in assumeIsolated { $0.takeTurn() } }
        stage = .serving(registration)
        thread.add(registration)
    }

    // MARK: Turns

    private func takeTurn() {
        guard case .serving(let registration) = stage else { return }
        for _ in 0..<Self.messagesPerTurn {
            guard let message = socket?.receive(frameLimit: Self.frameLimit) else { break }
            received(message)
        }
        watch()
        registration.deadline = entries.isEmpty ? nil : .now + Self.watchInterval
    }

    private func received(_ message: ReceivedMessage) {
        let peer = PeerIdentity(message.frames[0].array)
        do throws(BulkFrameHeader.Fault) {
            guard message.frames.count == 3, message.droppedFrames == 0 else { throw .wrongFrameCount }
            let header = try BulkFrameHeader(decoding: message.frames[1].array, bodyCount: message.frames[2].count)
            received(header, message.frames[2], from: peer)
        } catch {
            statistics.malformed += 1
            let answer = RemoteError(
                .invalidArgument, "That is not a bulk frame: \(error).",
                remedy: "Speak bulk version 1 as Protocol.md says.")
            guard entries[peer] != nil else { return refuse(peer, attempt: 0, answer) }
            violated(peer, answer)
        }
    }

    private func received(_ header: BulkFrameHeader, _ body: ReceivedFrame, from peer: PeerIdentity) {
        guard entries[peer] != nil else { return receivedFromStranger(header, body, peer) }
        entries[peer]?.liveness.heard(at: .now)
        guard let entry = entries[peer], let action = entries[peer]?.machine.received(header, body: body) else {
            return
        }
        switch action {
        case .nothing: break
        case .deliver(let cost):
            statistics.records += 1
            statistics.recordBytes += UInt64(body.count)
            entry.transfer.add(
                .record(
                    BulkRecord(attempt: header.attempt, sequence: header.sequence, memory: body), cost: cost))
        case .hash(let request): entry.transfer.add(.hash(request, sequence: header.sequence))
        case .finish(let records): entry.transfer.add(.finish(records: records, digest: body.array))
        case .abandon: end(peer, .abandoned)
        case .violation(let error): violated(peer, error)
        }
    }

    private func receivedFromStranger(_ header: BulkFrameHeader, _ body: ReceivedFrame, _ peer: PeerIdentity) {
        switch header.kind {
        case .hello: greeted(header, body, peer)
        case .abandon, .heartbeat: break
        case .welcome, .record, .credit, .finish, .stored, .hashRequest, .hashes, .refuse:
            // Records that were under way when the transfer ended are no fault.
            guard !endedPeers.contains(peer) else { return }
            statistics.malformed += 1
            refuse(
                peer, attempt: header.attempt,
                RemoteError(
                    .failedPrecondition, "There is no transfer on this connection.", remedy: "Say hello first."))
        }
    }

    // MARK: Opening

    private func greeted(_ header: BulkFrameHeader, _ body: ReceivedFrame, _ peer: PeerIdentity) {
        guard let hello = BulkHello(body: body.array, attempt: header.attempt) else {
            statistics.malformed += 1
            return refuse(
                peer, attempt: header.attempt,
                RemoteError(
                    .invalidArgument, "A hello has 32 bytes: the token, then the job."))
        }
        guard !entries.values.contains(where: { $0.transfer.hello.isSameAttempt(as: hello) }) else {
            return refuse(
                peer, attempt: header.attempt,
                RemoteError(
                    .conflict, "This attempt is being transferred on another connection.",
                    remedy: "Every attempt has its own number.", retryable: false))
        }
        let reserved = entries.values.reduce(0) { $0 + $1.machine.window }
        let left = limits.windowBytesOfAllTransfers - reserved
        guard entries.count < limits.transfers, left >= limits.smallestWindowBytes else {
            return refuse(
                peer, attempt: header.attempt,
                RemoteError(
                    .resourceExhausted, "Too many transfers are under way.", remedy: "Try again later.",
                    facts: ["transfers": "\(entries.count)", "window_bytes_left": "\(left)"]))
        }
        let window = min(limits.windowBytes, max(left / limits.windowShare, limits.smallestWindowBytes))
        open(BulkTransfer(peer: peer, hello: hello), window: window)
    }

    private func open(_ transfer: BulkTransfer, window: Int) {
        let peer = transfer.peer
        let work: WorkThread
        do throws(ThreadStartError) {
            work = try .start(name: "bulk-transfer")
        } catch {
            return refuse(
                peer, attempt: transfer.hello.attempt,
                RemoteError(
                    .resourceExhausted, "No thread could be started.", facts: ["errno": "\(error.errorNumber)"]))
        }
        statistics.transfersOpened += 1
        statistics.transfersNow += 1
        let handler = handler
        let thread = thread
        let task = Task.detached(executorPreference: work) { [self] in
            await transfer.run(handler) { outcome in
                thread.post { self.assumeIsolated { $0.report(outcome, from: transfer) } }
            }
        }
        entries[peer] = Entry(
            transfer: transfer,
            machine: BulkReceiverStateMachine(hello: transfer.hello, window: window, limits: limits),
            liveness: LivenessTracker(
                .whenNothingIsSent, heartbeatInterval: limits.heartbeatInterval,
                silenceLimit: limits.silenceLimit, now: .now),
            thread: work, task: task)
    }

    // MARK: What the transfer's thread reports

    private func report(_ outcome: BulkTransfer.Outcome, from transfer: BulkTransfer) {
        let peer = transfer.peer
        guard entries[peer]?.transfer === transfer else { return }
        if case .gone = outcome { return forget(peer) }
        // It ended meanwhile; its handler is told so by the reason, and nobody else waits.
        guard entries[peer]?.machine.isOver == false else { return }
        switch outcome {
        case .accepted:
            if let welcome = entries[peer]?.machine.welcomed() { send(welcome, to: peer) }
        case .stored(let cost):
            if let credit = entries[peer]?.machine.stored(cost: cost) { send(credit, to: peer) }
        case .hashed(let hashes, let sequence):
            if let header = entries[peer]?.machine.hashed(sequence: sequence) { send(header, hashes, to: peer) }
        case .finished(let digest):
            if let header = entries[peer]?.machine.finished() { send(header, digest, to: peer) }
        case .failed(let error):
            entries[peer]?.machine.ended()
            refuse(peer, attempt: transfer.hello.attempt, error)
        case .gone: break
        }
    }

    private func forget(_ peer: PeerIdentity) {
        guard let entry = entries.removeValue(forKey: peer) else { return }
        entry.thread.end()
        statistics.transfersNow -= 1
        endedPeers.append(peer)
        if endedPeers.count > Self.rememberedPeers { endedPeers.removeFirst() }
    }

    // MARK: Ending

    private func violated(_ peer: PeerIdentity, _ error: RemoteError) {
        statistics.violations += 1
        logger.warning("bulk peer broke the protocol", metadata: ["peer": "\(peer)", "error": "\(error)"])
        refuse(peer, attempt: entries[peer]?.transfer.hello.attempt ?? 0, error)
        end(peer, .refused(error))
    }

    private func end(_ peer: PeerIdentity, _ reason: BulkTransferEnd) {
        entries[peer]?.machine.ended()
        entries[peer]?.transfer.end(reason)
    }

    private func watch() {
        let now = ContinuousClock.now
        for (peer, entry) in entries where !entry.machine.isOver {
            if now >= entry.liveness.silentFrom {
                statistics.vanished += 1
                end(peer, .vanished)
            } else if entry.liveness.heartbeatDue <= now {
                send(BulkFrameHeader(.heartbeat, attempt: entry.transfer.hello.attempt), to: peer)
            }
        }
    }

    private func refuse(_ peer: PeerIdentity, attempt: UInt32, _ error: RemoteError) {
        send(BulkFrameHeader(.refuse, attempt: attempt), error.encoded, to: peer)
    }

    /// A frame that cannot go out belongs to a peer that is gone: its silence ends the transfer.
    private func send(_ header: BulkFrameHeader, _ body: [UInt8] = [], to peer: PeerIdentity) {
        var header = header
        header.bodyLength = UInt64(body.count)
        _ = socket?.send([peer.bytes, header.encoded, body])
        entries[peer]?.liveness.sent(at: .now)
    }

    func end(token: [UInt8]) async {
        let error = RemoteError(
            .leaseLost, "The cycle of this transfer has ended.", remedy: "Throw the work away.")
        await endAll(telling: error) { $0.token == token }
    }

    /// Ends the transfers and waits until their handlers know.
    private func endAll(telling error: RemoteError, where isMeant: (BulkHello) -> Bool) async {
        let ending = entries.filter { isMeant($0.value.transfer.hello) }
        for (peer, entry) in ending {
            if !entry.machine.isOver { refuse(peer, attempt: entry.transfer.hello.attempt, error) }
            end(peer, .stopped)
        }
        for entry in ending.values { await entry.task.value }
    }

    func stop() async {
        switch stage {
        case .stopping, .stopped: return await stopped.wait()
        case .serving(let registration): thread.remove(registration)
        case .idle: break
        }
        stage = .stopping
        let error = RemoteError(
            .unavailable, "The receiver is stopping.", remedy: "The job is done again as another attempt.")
        await endAll(telling: error) { _ in true }
        for peer in Array(entries.keys) { forget(peer) }
        socket.take()?.close()
        stage = .stopped
        stopped.fire()
    }

    /// Called from outside, because a thread cannot wait for its own end.
    nonisolated func stopWithThread() async {
        await stop()
        await thread.stop()
    }
}
