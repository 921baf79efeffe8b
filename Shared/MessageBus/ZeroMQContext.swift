internal import CZeroMQ
import Glibc

/// libzmq's context: the I/O threads behind all sockets of a bus.
///
/// @unchecked because: a context, unlike its sockets, may be used by any thread (zmq_ctx_new(3)).
final class ZeroMQContext: @unchecked Sendable {
    /// Two, because the stream of one bulk connection keeps one I/O thread busy.
    private static let ioThreads: Int32 = 2
    /// Three for each connection that is made: the socket, and a pair for libzmq's reports about it. A policy service has one
    /// to each of 1,024 agents at most.
    private static let maximumSockets: Int32 = 4_096

    let pointer: UnsafeMutableRawPointer

    init() {
        guard let pointer = zmq_ctx_new() else { preconditionFailure("libzmq has no memory for a context") }
        self.pointer = pointer
        zmq_ctx_set(pointer, ZMQ_IO_THREADS, Self.ioThreads)
        zmq_ctx_set(pointer, ZMQ_MAX_SOCKETS, Self.maximumSockets)
        zmq_ctx_set(pointer, ZMQ_IPV6, 0)
    }

    /// Waits until every socket is closed and what lingers was sent or given up, on a thread of its own because
    /// libzmq blocks meanwhile.
    func terminate() async {
        let done = OneTimeSignal()
        do throws(ThreadStartError) {
            pthread_detach(
                try startThread(name: "zmq-term") { [self] in
                    while zmq_ctx_term(pointer) != 0 && zmq_errno() == EINTR {}
                    done.fire()
                })
        } catch {
            preconditionFailure("no thread could be started to end libzmq's context: errno \(error.errorNumber)")
        }
        await done.wait()
    }
}
