import Synchronization

/// A few threads that run blocking calls one after another, for async callers.
///
/// Bounded on both ends: `threads` calls run at once, and a caller waits for its own call, so no more calls queue than
/// there are tasks that wait.
package final class BlockingThreads: Sendable {
    private typealias Job = @Sendable () -> Void

    private struct State {
        var waiting: [Job] = []
        var started = 0
    }

    private let name: String
    private let limit: Int
    private let state = Mutex(State())

    package init(name: String, threads: Int) {
        precondition((1...64).contains(threads))
        self.name = name
        limit = threads
    }

    /// Runs `body` on one of the threads. Not cancelled half way, because a blocking call can not be.
    package func run<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
        try await withCheckedThrowingContinuation { continuation in
            submit { continuation.resume(with: Result { try body() }) }
        }
    }

    /// Runs `body`, which can not fail, on one of the threads.
    package func runUnfailing(_ body: @escaping @Sendable () -> Void) async {
        await withCheckedContinuation { continuation in
            submit {
                body()
                continuation.resume()
            }
        }
    }

    private func submit(_ job: @escaping Job) {
        let startsThread = state.withLock { state in
            state.waiting.append(job)
            guard state.started < limit else { return false }
            state.started += 1
            return true
        }
        if startsThread {
            DedicatedThread.start(name: name) { [self] in work() }
        }
    }

    /// Runs what waits and ends when there is nothing, because an idle thread costs more than starting one again.
    private func work() {
        while true {
            let job: Job? = state.withLock { state in
                if state.waiting.isEmpty {
                    state.started -= 1
                    return nil
                }
                return state.waiting.removeFirst()
            }
            guard let job else { return }
            job()
        }
    }
}
