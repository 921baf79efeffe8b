internal import Messages
import Synchronization

/// Where senders wait for credit, in the order they came. Taking credit that is there costs one lock and no change of
/// thread, because it happens for every record.
final class CreditGate: Sendable {
    private struct Waiter {
        let number: UInt64
        let cost: Int
        let continuation: CheckedContinuation<Void, any Error>
    }

    private enum State {
        case open(CreditAccount, waiters: [Waiter])
        case failed(any Error)
    }

    private let state = Mutex((State.open(CreditAccount(), waiters: []), nextNumber: UInt64(0)))
    private let waitersLimit: Int

    init(waitersLimit: Int) { self.waitersLimit = waitersLimit }

    /// Returns when the credit was taken; throws what the gate failed with.
    func take(_ cost: Int) async throws {
        if try takeAtOnce(cost) { return }
        let number = state.withLock { state in
            state.nextNumber += 1
            return state.nextNumber
        }
        let cancellation = CancellationFlag()
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                enqueue(Waiter(number: number, cost: cost, continuation: continuation), cancellation)
            }
        } onCancel: {
            cancellation.set()
            cancel(number)
        }
    }

    /// Senders that wait now.
    var waiting: Int {
        state.withLock { state in
            switch state.0 {
            case .open(_, let waiters): waiters.count
            case .failed: 0
            }
        }
    }

    private func takeAtOnce(_ cost: Int) throws -> Bool {
        try state.withLock { state in
            switch state.0 {
            case .failed(let error): throw error
            case .open(_, let waiters) where !waiters.isEmpty: return false
            case .open(var account, let waiters):
                guard account.take(cost) else { return false }
                state.0 = .open(account, waiters: waiters)
                return true
            }
        }
    }

    private func enqueue(_ waiter: Waiter, _ cancellation: CancellationFlag) {
        enum Outcome { case waits, taken, failed(any Error) }
        let outcome: Outcome = state.withLock { state in
            switch state.0 {
            case .failed(let error): return .failed(error)
            case .open(var account, var waiters):
                // A cancellation that came first found nobody to cancel; its flag was set before.
                if cancellation.isSet { return .failed(CancellationError()) }
                // Credit may have come since the first look.
                if waiters.isEmpty && account.take(waiter.cost) {
                    state.0 = .open(account, waiters: waiters)
                    return .taken
                }
                precondition(waiters.count < waitersLimit, "too many senders wait on one bulk channel")
                waiters.append(waiter)
                state.0 = .open(account, waiters: waiters)
                return .waits
            }
        }
        switch outcome {
        case .waits: break
        case .taken: waiter.continuation.resume()
        case .failed(let error): waiter.continuation.resume(throwing: error)
        }
    }

    private func cancel(_ number: UInt64) {
        let waiter: Waiter? = state.withLock { state in
            guard case .open(let account, var waiters) = state.0,
                let index = waiters.firstIndex(where: { $0.number == number })
            else { return nil }
            let waiter = waiters.remove(at: index)
            state.0 = .open(account, waiters: waiters)
            return waiter
        }
        waiter?.continuation.resume(throwing: CancellationError())
    }

    /// False when the receiver granted nonsense.
    func grant(_ bytes: UInt64) -> Bool {
        var served: [Waiter] = []
        let isSound = state.withLock { state in
            guard case .open(var account, var waiters) = state.0 else { return true }
            guard account.grant(bytes) else { return false }
            while let first = waiters.first, account.take(first.cost) { served.append(waiters.removeFirst()) }
            state.0 = .open(account, waiters: waiters)
            return true
        }
        for waiter in served { waiter.continuation.resume() }
        return isSound
    }

    /// Everybody who waits, and whoever comes later, gets the error. The first failure stays.
    func fail(_ error: any Error) {
        let waiters: [Waiter] = state.withLock { state in
            guard case .open(_, let waiters) = state.0 else { return [] }
            state.0 = .failed(error)
            return waiters
        }
        for waiter in waiters { waiter.continuation.resume(throwing: error) }
    }
}
