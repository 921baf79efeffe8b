import Synchronization

/// Requests whose answers are still to come. Bounded by the server's requests in flight.
final class ReplyDesk: Sendable {
    typealias Answer = Result<OrchestratorAnswer, OrchestratorError>

    private struct State: Sendable {
        var last: UInt64 = 0
        var waiting: [RequestToken: CheckedContinuation<Answer, Never>] = [:]
        var isClosed = false
    }

    private let state = Mutex(State())
    private let inbox: AsyncStream<BookEvent>.Continuation

    init(inbox: AsyncStream<BookEvent>.Continuation) { self.inbox = inbox }

    /// Hands a request to the book and waits for its answer. What a cancelled asker asked for is done all the same.
    func ask(_ request: OrchestratorRequest) async -> Answer {
        await withCheckedContinuation { continuation in
            let token = state.withLock { state -> RequestToken? in
                guard !state.isClosed else { return nil }
                state.last += 1
                let token = RequestToken(value: state.last)
                state.waiting[token] = continuation
                return token
            }
            if let token {
                inbox.yield(.asked(token, request))
            } else {
                continuation.resume(returning: .failure(Self.stopping))
            }
        }
    }

    func answer(_ token: RequestToken, _ answer: Answer) {
        state.withLock { $0.waiting.removeValue(forKey: token) }?.resume(returning: answer)
    }

    func close() {
        let waiting = state.withLock { state in
            state.isClosed = true
            defer { state.waiting = [:] }
            return Array(state.waiting.values)
        }
        for continuation in waiting { continuation.resume(returning: .failure(Self.stopping)) }
    }

    private static let stopping = OrchestratorError(
        .unavailable, "The failover orchestrator is stopping.", remedy: "Ask again when it has started.")
}
