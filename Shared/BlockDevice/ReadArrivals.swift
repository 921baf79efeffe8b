import Synchronization

/// Puts chunks that arrive in any order, from several threads, back into order for one waiting task.
final class ReadArrivals: Sendable {
    typealias Chunk = (ReadBuffer, Range<UInt64>)

    private enum Waiter {
        case nobody
        case task(number: UInt64, CheckedContinuation<Chunk, any Error>)
        /// The task was cancelled; what still arrives is dropped.
        case cancelled
    }

    private struct State {
        var arrived: [UInt64: Result<Chunk, BlockDeviceError>] = [:]
        var waiter = Waiter.nobody
    }

    private let state = Mutex(State())

    func arrived(_ number: UInt64, _ result: Result<Chunk, BlockDeviceError>) {
        let waiting: CheckedContinuation<Chunk, any Error>? = state.withLock { state in
            if case .task(number, let continuation) = state.waiter {
                state.waiter = .nobody
                return continuation
            }
            state.arrived[number] = result
            return nil
        }
        waiting?.resume(with: result.mapError { $0 as any Error })
    }

    /// Chunk `number`, when it is there. Only one task waits at a time.
    func next(_ number: UInt64) async throws -> Chunk {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let ready: Result<Chunk, any Error>? = state.withLock { state in
                    switch state.waiter {
                    case .cancelled: return .failure(CancellationError())
                    case .task: preconditionFailure("one task reads at a time")
                    case .nobody:
                        if let result = state.arrived.removeValue(forKey: number) {
                            return result.mapError { $0 as any Error }
                        }
                        state.waiter = .task(number: number, continuation)
                        return nil
                    }
                }
                if let ready { continuation.resume(with: ready) }
            }
        } onCancel: {
            let waiting: CheckedContinuation<Chunk, any Error>? = state.withLock { state in
                defer { state.waiter = .cancelled }
                if case .task(_, let continuation) = state.waiter { return continuation }
                return nil
            }
            waiting?.resume(throwing: CancellationError())
        }
    }
}
