import Glibc
import Synchronization

/// One connection to an NBD server, and the thread that owns its handle.
///
/// ```
/// caller ──submit──► mailbox ──eventfd──► thread: issue · poll · retire ──finish──► caller
/// ```
/// The thread sleeps in `poll` on the socket and on an eventfd, so it hears both the server and the callers, and
/// nobody waits on libnbd's lock.
final class NBDConnection: Sendable {
    /// Something to ask the server. `finish` is called once, on the connection's thread, and must not block.
    enum Request: Sendable {
        case read(
            buffer: ReadBuffer, range: Range<UInt64>, finish: @Sendable (Result<Void, BlockDeviceError>) -> Void)
        case status(range: Range<UInt64>, finish: @Sendable (Result<BlockStatus, BlockDeviceError>) -> Void)

        func fail(_ error: BlockDeviceError) {
            switch self {
            case .read(_, _, let finish): finish(.failure(error))
            case .status(_, let finish): finish(.failure(error))
            }
        }
    }

    private enum Phase {
        case open
        case closing
        /// The thread has ended; requests are answered with the error at once.
        case ended(BlockDeviceError)
    }

    private struct Mailbox {
        var phase = Phase.open
        var requests: [Request] = []
        var closeWaiters: [CheckedContinuation<Void, Never>] = []
    }

    private let uri: String
    private let contexts: [String]
    private let options: NBDConnectionOptions
    private let wakeUp: EventDescriptor
    private let mailbox = Mutex(Mailbox())

    private init(uri: String, contexts: [String], options: NBDConnectionOptions) {
        self.uri = uri
        self.contexts = contexts
        self.options = options
        wakeUp = EventDescriptor()
    }

    /// Connects and negotiates on the new connection's own thread.
    static func open(
        uri: String, contexts: [String], options: NBDConnectionOptions
    ) async throws -> (NBDConnection, NBDExport) {
        let connection = NBDConnection(uri: uri, contexts: contexts, options: options)
        let export: NBDExport = try await withCheckedThrowingContinuation { continuation in
            DedicatedThread.start(name: "bascule-nbd") {
                connection.run { continuation.resume(with: $0) }
            }
        }
        return (connection, export)
    }

    func submit(_ request: Request) {
        let refusal: BlockDeviceError? = mailbox.withLock { mailbox in
            switch mailbox.phase {
            case .open:
                mailbox.requests.append(request)
                return nil
            case .closing: return Self.closedError
            case .ended(let error): return error
            }
        }
        if let refusal {
            request.fail(refusal)
        } else {
            wakeUp.signal()
        }
    }

    /// Tells the thread to end, without waiting for it.
    func stop() {
        mailbox.withLock { mailbox in
            if case .open = mailbox.phase { mailbox.phase = .closing }
        }
        wakeUp.signal()
    }

    /// Ends the thread and waits for it.
    func close() async {
        stop()
        await withCheckedContinuation { continuation in
            let hasEnded = mailbox.withLock { mailbox in
                if case .ended = mailbox.phase { return true }
                mailbox.closeWaiters.append(continuation)
                return false
            }
            if hasEnded { continuation.resume() }
        }
    }

    // MARK: The thread

    private func run(connected: (Result<NBDExport, any Error>) -> Void) {
        do {
            let handle = try HandshakeLock.holding(for: uri) { try connect() }
            connected(.success(try handle.export(contexts: contexts)))
            serve(handle)
        } catch {
            let failure = Self.connectFailure(error, uri: uri)
            finish(with: failure)
            connected(.failure(failure))
        }
    }

    /// A connection that is lost before it was made is one that could not be made.
    private static func connectFailure(_ error: any Error, uri: String) -> BlockDeviceError {
        let message = "The disk at \(uri) could not be opened."
        guard let error = error as? BlockDeviceError else {
            return BlockDeviceError(.connectFailed, message, cause: "\(error)")
        }
        switch error.code {
        case .contextMissing, .connectFailed: return error
        case .connectionLost, .stalled, .serverError, .invalidReply, .closed, .invalidAddress:
            return BlockDeviceError(.connectFailed, message, cause: error.cause, errno: error.errno)
        }
    }

    private func connect() throws -> NBDHandle {
        let handle = try NBDHandle()
        let deadline = ContinuousClock.now + options.connectTimeout
        try handle.beginConnecting(to: uri, contexts: contexts)
        while handle.isConnecting {
            let heard = try wait(handle, until: deadline)
            if !heard, deadline <= .now {
                throw BlockDeviceError(
                    .connectFailed, "The server at \(uri) did not answer within \(options.connectTimeout).")
            }
        }
        guard handle.isReady else {
            throw BlockDeviceError(.connectFailed, "The server at \(uri) ended the negotiation.")
        }
        return handle
    }

    private func serve(_ handle: borrowing NBDHandle) {
        var inFlight: [Int64: InFlight] = [:]
        do {
            var heardAt = ContinuousClock.now
            while true {
                if inFlight.isEmpty { heardAt = .now }
                guard try issueRequests(on: handle, &inFlight) else {
                    handle.disconnect()
                    throw Self.closedError
                }
                retire(on: handle, &inFlight)
                if handle.isDead {
                    throw BlockDeviceError(.connectionLost, "The server at \(uri) ended the connection.")
                }
                let deadline = inFlight.isEmpty ? nil : heardAt + options.stallTimeout
                if try wait(handle, until: deadline) {
                    heardAt = .now
                } else if let deadline, deadline <= .now {
                    throw BlockDeviceError(
                        .stalled, "The server at \(uri) was silent for \(options.stallTimeout).",
                        remedy: "See whether the hypervisor hangs; the cycle is tried again.")
                }
                retire(on: handle, &inFlight)
            }
        } catch {
            let failure =
                error as? BlockDeviceError ?? BlockDeviceError(.connectionLost, "Reading failed.", cause: "\(error)")
            for request in inFlight.values { request.fail(failure) }
            finish(with: failure)
        }
    }

    /// False when the connection is to be closed.
    private func issueRequests(on handle: borrowing NBDHandle, _ inFlight: inout [Int64: InFlight]) throws -> Bool {
        let (requests, isClosing) = mailbox.withLock { mailbox in
            defer { mailbox.requests.removeAll(keepingCapacity: true) }
            if case .closing = mailbox.phase { return (mailbox.requests, true) }
            return (mailbox.requests, false)
        }
        if isClosing {
            for request in requests { request.fail(Self.closedError) }
            return false
        }
        for (index, request) in requests.enumerated() {
            do {
                let started = try InFlight(request, on: handle)
                inFlight[started.cookie] = started
            } catch {
                let failure =
                    error as? BlockDeviceError ?? BlockDeviceError(.connectionLost, "Asking failed.", cause: "\(error)")
                for unsent in requests[index...] { unsent.fail(failure) }
                throw failure
            }
        }
        return true
    }

    private func retire(on handle: borrowing NBDHandle, _ inFlight: inout [Int64: InFlight]) {
        while let completion = handle.nextCompletion() {
            guard let request = inFlight.removeValue(forKey: completion.cookie) else {
                preconditionFailure("libnbd finished a request that was never made")
            }
            request.complete(completion.error)
        }
    }

    /// Sleeps until the server or a caller has something; true when the server had.
    private func wait(_ handle: borrowing NBDHandle, until deadline: ContinuousClock.Instant?) throws -> Bool {
        let events: Int16 =
            switch handle.interest {
            case .read: Int16(POLLIN)
            case .write: Int16(POLLOUT)
            case .both: Int16(POLLIN | POLLOUT)
            case .nothing: 0
            }
        var descriptors = [
            pollfd(fd: handle.descriptor, events: events, revents: 0),
            pollfd(fd: wakeUp.descriptor, events: Int16(POLLIN), revents: 0),
        ]
        let count = poll(&descriptors, 2, Self.milliseconds(until: deadline))
        if count < 0 {
            let number = errno
            guard number == EINTR else {
                throw BlockDeviceError(.connectionLost, "Waiting for the server failed.", errno: number)
            }
            return false
        }
        if descriptors[1].revents != 0 { wakeUp.clear() }
        let seen = Int32(descriptors[0].revents)
        if seen & (POLLIN | POLLHUP | POLLERR | POLLNVAL) != 0, events & Int16(POLLIN) != 0 {
            try handle.becameReadable()
        } else if seen & (POLLOUT | POLLHUP | POLLERR | POLLNVAL) != 0 {
            try handle.becameWritable()
        } else {
            return false
        }
        return true
    }

    private static func milliseconds(until deadline: ContinuousClock.Instant?) -> Int32 {
        guard let deadline else { return -1 }
        let left = deadline - .now
        guard left > .zero else { return 0 }
        // Rounded up, because waking a moment early would spin until the deadline.
        return Int32(
            clamping: left.components.seconds * 1_000 + left.components.attoseconds / 1_000_000_000_000_000 + 1)
    }

    private func finish(with error: BlockDeviceError) {
        let (requests, waiters) = mailbox.withLock { mailbox in
            mailbox.phase = .ended(error)
            defer {
                mailbox.requests = []
                mailbox.closeWaiters = []
            }
            return (mailbox.requests, mailbox.closeWaiters)
        }
        for request in requests { request.fail(error) }
        for waiter in waiters { waiter.resume() }
    }

    private static let closedError = BlockDeviceError(.closed, "The reader was closed.")
}
