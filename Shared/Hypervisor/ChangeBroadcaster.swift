import Synchronization

/// Hands every change to every reader of `changes()`.
final class ChangeBroadcaster: Sendable {
    private struct State {
        var continuations: [UInt64: AsyncStream<GuestChange>.Continuation] = [:]
        var next: UInt64 = 0
        var isFinished = false
    }

    private let state = Mutex(State())

    func subscribe() -> AsyncStream<GuestChange> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: GuestChange.self, bufferingPolicy: .bufferingNewest(HypervisorLimits.changesBuffered))
        let number: UInt64? = state.withLock { state in
            guard !state.isFinished else { return nil }
            state.next += 1
            state.continuations[state.next] = continuation
            return state.next
        }
        guard let number else {
            continuation.finish()
            return stream
        }
        continuation.onTermination = { [weak self] _ in
            self?.state.withLock { _ = $0.continuations.removeValue(forKey: number) }
        }
        return stream
    }

    func send(_ change: GuestChange) {
        // Yielded outside the lock, because a reader that ends takes the lock in `onTermination`.
        let continuations = state.withLock { Array($0.continuations.values) }
        for continuation in continuations { continuation.yield(change) }
    }

    func finish() {
        let continuations = state.withLock { state in
            state.isFinished = true
            defer { state.continuations = [:] }
            return Array(state.continuations.values)
        }
        for continuation in continuations { continuation.finish() }
    }
}
