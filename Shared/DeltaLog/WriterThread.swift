internal import Glibc

/// A thread that runs one closure and is then waited for.
struct WriterThread: Sendable {
    private let identifier: pthread_t

    private final class Body: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    /// `nil` when the system gives no more threads.
    init?(_ run: @escaping @Sendable () -> Void) {
        var identifier = pthread_t()
        let body = Unmanaged.passRetained(Body(run))
        let created = pthread_create(
            &identifier, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, body.toOpaque())
        guard created == 0 else {
            body.release()
            return nil
        }
        self.identifier = identifier
    }

    func join() {
        pthread_join(identifier, nil)
    }
}
