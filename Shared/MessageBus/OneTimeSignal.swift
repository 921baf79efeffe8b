import Synchronization

/// Something that happens once and that any number of tasks may wait for, before or after.
final class OneTimeSignal: Sendable {
    private enum State {
        case waiting([CheckedContinuation<Void, Never>])
        case fired
    }

    private let state = Mutex(State.waiting([]))

    /// Later calls do nothing.
    func fire() {
        let waiters: [CheckedContinuation<Void, Never>] = state.withLock { state in
            switch state {
            case .waiting(let waiters):
                state = .fired
                return waiters
            case .fired: return []
            }
        }
        for waiter in waiters { waiter.resume() }
    }

    func wait() async {
        await withCheckedContinuation { continuation in
            let hasFired = state.withLock { state in
                switch state {
                case .waiting(let waiters):
                    state = .waiting(waiters + [continuation])
                    return false
                case .fired: return true
                }
            }
            if hasFired { continuation.resume() }
        }
    }
}
