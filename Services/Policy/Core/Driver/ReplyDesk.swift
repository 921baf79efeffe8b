import Synchronization

/// Requests whose answers are still to come. Bounded by the server's requests in flight.
final class ReplyDesk: Sendable {
    typealias Answer = Result<ServiceAnswer, PolicyError>

    private struct State: Sendable {
        var last: UInt64 = 0
        var waiting: [RequestToken: CheckedContinuation<Answer, Never>] = [:]
        var isClosed = false
    }

    private let state = Mutex(State())
    private let inbox: EventInbox

    init(inbox: EventInbox) { self.inbox = inbox }

    /// Hands a request to the engine and waits for its answer. A cancelled one is withdrawn.
    func ask(_ request: ServiceRequest) async -> Answer {
        let token = state.withLock { state in
            state.last += 1
            return RequestToken(value: state.last)
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let refusal = state.withLock { state in
                    if state.isClosed || Task.isCancelled { return true }
                    state.waiting[token] = continuation
                    return false
                }
                if refusal {
                    continuation.resume(returning: .failure(Self.stopping))
                } else {
                    inbox.post(.asked(token, request))
                }
            }
        } onCancel: {
            if answer(token, .failure(Self.stopping)) { inbox.post(.askerGone(token)) }
        }
    }

    /// - Returns: whether somebody still waited for it.
    @discardableResult
    func answer(_ token: RequestToken, _ answer: Answer) -> Bool {
        guard let continuation = state.withLock({ $0.waiting.removeValue(forKey: token) }) else { return false }
        continuation.resume(returning: answer)
        return true
    }

    func close() {
        let waiting = state.withLock { state in
            state.isClosed = true
            defer { state.waiting = [:] }
            return state.waiting.values.map { $0 }
        }
        for continuation in waiting { continuation.resume(returning: .failure(Self.stopping)) }
    }

    private static let stopping = PolicyError(.unavailable, "The policy service is stopping.")
}
