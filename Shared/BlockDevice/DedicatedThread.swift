import CLibnbd
import Glibc

/// A thread of its own for work that blocks, because a thread of the cooperative pool must never wait.
package enum DedicatedThread {
    private final class Body {
        let name: String
        let run: @Sendable () -> Void

        init(name: String, run: @escaping @Sendable () -> Void) {
            self.name = name
            self.run = run
        }
    }

    /// Starts a detached thread. Whoever starts it must be told by `body` itself when it ends.
    ///
    /// - Parameter name: shown by debuggers; only its first 15 bytes fit.
    package static func start(name: String, _ body: @escaping @Sendable () -> Void) {
        let box = Unmanaged.passRetained(Body(name: name, run: body))
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        var thread = pthread_t()
        let result = pthread_create(
            &thread, &attributes,
            { argument in
                // The argument is the box that was retained above; it is released here and nowhere else.
                let body = Unmanaged<Body>.fromOpaque(argument!).takeRetainedValue()
                bascule_name_thread(body.name)
                body.run()
                return nil
            }, box.toOpaque())
        precondition(result == 0, "the system has no thread left")
    }
}
