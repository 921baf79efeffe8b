import Synchronization

/// Requests whose answers are still to come. Bounded by the server's requests in flight.
final class ReplyDesk: Sendable {
    typealias Answer = Result<ServiceAnswer, PolicyError>

    private struct Asker: Sendable {
        let continuation: CheckedContinuation<Answer, Never>
        let request: ServiceRequest
    }

    private struct State: Sendable {
        var last: UInt64 = 0
        var waiting: [RequestToken: Asker] = [:]
        var isClosed = false
        /// Why nothing can be decided at present.
        var fault: PolicyError?
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
                let refusal = state.withLock { state -> Answer? in
                    if state.isClosed || Task.isCancelled { return .failure(Self.stopping) }
                    if let fault = state.fault, !request.isOfWorker { return request.refused(with: fault) }
                    state.waiting[token] = Asker(continuation: continuation, request: request)
                    return nil
                }
                if let refusal {
                    continuation.resume(returning: refusal)
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
        guard let asker = state.withLock({ $0.waiting.removeValue(forKey: token) }) else { return false }
        asker.continuation.resume(returning: answer)
        return true
    }

    /// From now on who asks hears at once why nothing can be decided, and so does who waits and changes nothing; nil: requests
    /// are taken again. Workers wait, because an answer to them is about their job.
    func refuse(with fault: PolicyError?) {
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
            return state.waiting.values.map { $0 }
        }
        for asker in waiting { asker.continuation.resume(returning: .failure(Self.stopping)) }
    }

    private static let stopping = PolicyError(.unavailable, "The policy service is stopping.")
}
