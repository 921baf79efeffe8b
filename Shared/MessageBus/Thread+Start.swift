internal import CZeroMQ
import Glibc

struct ThreadStartError: Error {
    let errorNumber: Int32
}

/// Starts a POSIX thread with all signals blocked, because signals belong to the thread that runs ServiceGroup.
/// Whoever gets the handle joins or detaches it.
func startThread(name: String, _ body: @escaping @Sendable () -> Void) throws(ThreadStartError) -> pthread_t {
    final class Start: Sendable {
        let body: @Sendable () -> Void
        init(body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var everySignal = sigset_t()
    var before = sigset_t()
    sigfillset(&everySignal)
    pthread_sigmask(SIG_SETMASK, &everySignal, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    var thread = pthread_t()
    let start = Unmanaged.passRetained(Start(body: body))
    let outcome = pthread_create(
        &thread, nil,
        { pointer in
            guard let pointer else { preconditionFailure("a thread was started without its argument") }
            Unmanaged<Start>.fromOpaque(pointer).takeRetainedValue().body()
            return nil
        }, start.toOpaque())
    guard outcome == 0 else {
        start.release()
        throw ThreadStartError(errorNumber: outcome)
    }
    // Fifteen characters is what the kernel keeps.
    pthread_setname_np(thread, String(name.prefix(15)))
    return thread
}
