import Synchronization

/// Wakes one waiting task. Ringing while nobody waits is remembered once, so nothing is missed and nothing piles up.
final class Bell: Sendable {
    private enum State {
        case quiet
        case rung
        case awaited(CheckedContinuation<Void, Never>)
    }

    private let state = Mutex(State.quiet)

    func ring() {
        let waiting: CheckedContinuation<Void, Never>? = state.withLock { state in
            switch state {
            case .quiet, .rung:
                state = .rung
                return nil
            case .awaited(let continuation):
                state = .quiet
                return continuation
            }
        }
        waiting?.resume()
    }

    /// Returns when it rings or the task is cancelled. One task waits at a time.
    func wait() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    switch state {
                    case .rung:
                        state = .quiet
                        return true
                    case .quiet:
                        if Task.isCancelled { return true }
                        state = .awaited(continuation)
                        return false
                    case .awaited:
                        preconditionFailure("one task waits at a time")
                    }
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            let waiting: CheckedContinuation<Void, Never>? = state.withLock { state in
                guard case .awaited(let continuation) = state else { return nil }
                state = .quiet
                return continuation
            }
            waiting?.resume()
        }
    }
}
