import Synchronization

/// Requests whose answers are still to come. Bounded by the server's requests in flight.
final class ReplyDesk: Sendable {
    typealias Answer = Result<OrchestratorAnswer, OrchestratorError>

    private struct Asker: Sendable {
        let continuation: CheckedContinuation<Answer, Never>
        let request: OrchestratorRequest
    }

    private struct State: Sendable {
        var last: UInt64 = 0
        var waiting: [RequestToken: Asker] = [:]
        var isClosed = false
        /// Why nothing can be decided at present.
        var fault: OrchestratorError?
    }

    private let state = Mutex(State())
    private let inbox: AsyncStream<BookEvent>.Continuation

    init(inbox: AsyncStream<BookEvent>.Continuation) { self.inbox = inbox }

    /// Hands a request to the book and waits for its answer. What a cancelled asker asked for is done all the same.
    func ask(_ request: OrchestratorRequest) async -> Answer {
        await withCheckedContinuation { continuation in
            let (token, refusal) = state.withLock { state -> (RequestToken, Answer?) in
                state.last += 1
                let token = RequestToken(value: state.last)
                if state.isClosed { return (token, .failure(Self.stopping)) }
                if let fault = state.fault { return (token, request.refused(with: fault)) }
                state.waiting[token] = Asker(continuation: continuation, request: request)
                return (token, nil)
            }
            if let refusal {
                continuation.resume(returning: refusal)
            } else {
                inbox.yield(.asked(token, request))
            }
        }
    }

    func answer(_ token: RequestToken, _ answer: Answer) {
        state.withLock { $0.waiting.removeValue(forKey: token) }?.continuation.resume(returning: answer)
    }

    /// From now on who asks hears at once why nothing can be decided, and so does who waits and changes nothing; nil: requests
    /// are taken again.
    func refuse(with fault: OrchestratorError?) {
        let readers = state.withLock { state in
            state.fault = fault
            return state.waiting.mapValues(\.request).filter { $0.value.isReading }
        }
        guard let fault else { return }
        for (token, request) in readers { answer(token, request.refused(with: fault)) }
    }

    func close() {
        let waiting = state.withLock { state in
            state.isClosed = true
            defer { state.waiting = [:] }
            return Array(state.waiting.values)
        }
        for asker in waiting { asker.continuation.resume(returning: .failure(Self.stopping)) }
    }

    private static let stopping = OrchestratorError(
        .unavailable, "The failover orchestrator is stopping.", remedy: "Ask again when it has started.")
}
