internal import CZeroMQ
import Glibc
import Synchronization

/// One dedicated thread that owns a set of ZeroMQ sockets, and is the executor of the actors that use them.
///
/// Classic ZeroMQ sockets must not be used by two threads at once (libzmq, zmq_socket(3)). Here an actor's executor
/// *is* the thread that polls, so the compiler keeps every use of a socket where it belongs.
///
/// One turn: run queued jobs → let each socket that has something, or whose deadline is over, take its turn →
/// wait in `zmq_poll` for a socket, a deadline, or the eventfd by which other threads announce a job.
///
/// @unchecked because: `registrations` and `items` are touched only on the thread itself (checked), everything else is
/// constant or behind the mutex.
final class SocketThread: SerialExecutor, @unchecked Sendable {
    private enum Work {
        case job(UnownedJob)
        case call(@Sendable () -> Void)
    }

    private struct Shared {
        var work: [Work] = []
        /// The thread is in, or about to enter, `zmq_poll`: whoever adds work must wake it.
        var isWaiting = false
        var stage = Stage.running
    }

    private enum Stage {
        case running
        case stopping
        /// The thread is gone; work that still arrives is run by whoever brings it, one at a time.
        case ended
        case endedAndDraining
    }

    private let name: String
    private let wakeDescriptor: Int32
    private let shared = Mutex(Shared())
    private let ownThread = Mutex<pthread_t?>(nil)
    private let ended = OneTimeSignal()

    private var registrations: [SocketRegistration] = []
    private var items: [zmq_pollitem_t] = []
    private var itemsAreStale = true

    private init(name: String, wakeDescriptor: Int32) {
        self.name = name
        self.wakeDescriptor = wakeDescriptor
    }

    deinit { close(wakeDescriptor) }

    /// Returns when the thread runs.
    static func start(name: String) async throws(MessageBusError) -> SocketThread {
        let descriptor = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        guard descriptor >= 0 else { throw .last("A wake-up descriptor could not be made") }
        let thread = SocketThread(name: name, wakeDescriptor: descriptor)
        let ready = OneTimeSignal()
        let handle: pthread_t
        do throws(ThreadStartError) {
            handle = try startThread(name: name) {
                thread.ownThread.withLock { $0 = pthread_self() }
                ready.fire()
                thread.run()
            }
        } catch {
            throw MessageBusError(
                .outOfResources, "A socket thread could not be started.", remedy: "Raise the limit of threads.",
                errorNumber: error.errorNumber)
        }
        pthread_detach(handle)
        await ready.wait()
        return thread
    }

    /// Ends the thread after its queued work; every socket must have been removed. Repeating it waits as well.
    func stop() async {
        let wake = shared.withLock { shared in
            switch shared.stage {
            case .running:
                shared.stage = .stopping
                return shared.isWaiting
            case .stopping, .ended, .endedAndDraining: return false
            }
        }
        if wake { wakeUp() }
        await ended.wait()
    }

    // MARK: Executor

    func enqueue(_ job: consuming ExecutorJob) { add(.job(UnownedJob(job))) }

    func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    func checkIsolated() {
        precondition(isOwnThread, "socket thread \(name): its sockets were used from another thread")
    }

    func isIsolatingCurrentContext() -> Bool? { isOwnThread }

    private var isOwnThread: Bool {
        guard let own = ownThread.withLock({ $0 }) else { return false }
        return pthread_equal(own, pthread_self()) != 0
    }

    /// Runs a short call on the thread, in order with everything else given to it.
    func post(_ call: @escaping @Sendable () -> Void) { add(.call(call)) }

    private func add(_ work: Work) {
        enum Next { case nothing, wake, drain }
        let next: Next = shared.withLock { shared in
            shared.work.append(work)
            switch shared.stage {
            case .running, .stopping:
                defer { shared.isWaiting = false }
                return shared.isWaiting ? .wake : .nothing
            case .ended:
                shared.stage = .endedAndDraining
                return .drain
            case .endedAndDraining: return .nothing
            }
        }
        switch next {
        case .nothing: break
        case .wake: wakeUp()
        case .drain: drainAfterEnd()
        }
    }

    private func wakeUp() {
        // A full counter (EAGAIN) means that the thread has been woken already.
        _ = eventfd_write(wakeDescriptor, 1)
    }

    private func runWork() {
        let work = shared.withLock { shared in
            defer { shared.work.removeAll(keepingCapacity: shared.work.count < 1024) }
            return shared.work
        }
        for piece in work { run(piece) }
    }

    private func run(_ work: Work) {
        switch work {
        case .job(let job): job.runSynchronously(on: asUnownedSerialExecutor())
        case .call(let call): call()
        }
    }

    /// An actor may still be asked something after its thread ended. There are no sockets left then, only the promise
    /// that jobs run one at a time; whoever brings work is the thread for that long.
    private func drainAfterEnd() {
        ownThread.withLock { $0 = pthread_self() }
        while true {
            let work: [Work] = shared.withLock { shared in
                if shared.work.isEmpty {
                    shared.stage = .ended
                    ownThread.withLock { $0 = nil }
                }
                defer { shared.work = [] }
                return shared.work
            }
            if work.isEmpty { return }
            for piece in work { run(piece) }
        }
    }

    // MARK: Sockets; only on the thread

    func add(_ registration: SocketRegistration) {
        checkIsolated()
        registrations.append(registration)
        itemsAreStale = true
    }

    func remove(_ registration: SocketRegistration) {
        checkIsolated()
        registration.isDue = false
        registrations.removeAll { $0 === registration }
        itemsAreStale = true
    }

    private func run() {
        while true {
            runWork()
            for registration in registrations where registration.isDue { registration.turn() }
            let stage = shared.withLock { shared in
                if shared.work.isEmpty { shared.isWaiting = true }
                return shared.stage == .stopping && shared.work.isEmpty ? Stage.ended : Stage.running
            }
            if case .ended = stage { break }
            wait()
        }
        precondition(registrations.isEmpty, "socket thread \(name) was stopped before its sockets were closed")
        shared.withLock { $0.stage = .endedAndDraining }
        drainAfterEnd()
        ended.fire()
    }

    private func wait() {
        prepareItems()
        let timeout = shared.withLock { $0.isWaiting } ? pollTimeout() : 0
        let outcome = items.withUnsafeMutableBufferPointer { zmq_poll($0.baseAddress, Int32($0.count), timeout) }
        shared.withLock { $0.isWaiting = false }
        if outcome < 0 {
            // EINTR is a signal in passing. Anything else is a closed socket that is still registered: our bug.
            precondition(zmq_errno() == EINTR, "zmq_poll: \(String(cString: zmq_strerror(zmq_errno())))")
            return
        }
        if items[0].revents != 0 {
            var count: eventfd_t = 0
            _ = eventfd_read(wakeDescriptor, &count)
        }
        let now = ContinuousClock.now
        for (index, registration) in registrations.enumerated() {
            registration.isDue = items[index + 1].revents != 0 || registration.deadline.map { $0 <= now } ?? false
        }
    }

    private func prepareItems() {
        if itemsAreStale {
            itemsAreStale = false
            var wake = zmq_pollitem_t()
            wake.fd = wakeDescriptor
            wake.events = Int16(ZMQ_POLLIN)
            items = [wake]
            for registration in registrations {
                var item = zmq_pollitem_t()
                item.socket = registration.socket.pointer
                items.append(item)
            }
        }
        for (index, registration) in registrations.enumerated() {
            let reading = registration.wantsRead ? ZMQ_POLLIN : 0
            items[index + 1].events = Int16(reading | (registration.wantsWrite ? ZMQ_POLLOUT : 0))
        }
    }

    /// Milliseconds, rounded up so that a deadline is over when the thread looks at it; -1 waits for ever.
    private func pollTimeout() -> Int {
        guard let deadline = registrations.compactMap(\.deadline).min() else { return -1 }
        let left = ContinuousClock.now.duration(to: deadline)
        guard left > .zero else { return 0 }
        return Int(left.wholeMilliseconds) + 1
    }
}
