internal import Messages

/// Decides when each call of a client is sent, repeated and given up: a value without clock, socket or task.
///
///     begin → unsent ──sent──► waiting ──reply──► over
///               ▲                │ retry time, or connection lost
///               └────────────────┘            deadline: over, from either
///
/// Invariants: `unsent` holds exactly the calls that are not waiting for a reply, in the order they became so; no
/// call's deadline or retry time is before `nextWake`.
struct RequestClientStateMachine: Sendable {
    enum Beginning: Equatable, Sendable {
        case begun
        case refused(RemoteError)
    }

    private enum Connection {
        case absent, present
    }

    private enum Stage {
        case unsent
        case waiting(retryAt: ContinuousClock.Instant)
    }

    private struct Call {
        let deadline: ContinuousClock.Instant
        var stage = Stage.unsent
        var timesSent = 0
        var retryAfter: Duration
        /// What the server's bus refused with while it was full or stopping; nil when it was sent again since.
        var lastRefusal: RemoteError?
    }

    private let endpoint: String
    private let limits: RequestClientLimits
    private var calls: [OperationIdentifier: Call] = [:]
    private var unsent: [OperationIdentifier] = []
    private var connection = Connection.absent
    private(set) var nextWake: ContinuousClock.Instant?
    private(set) var liveness: LivenessTracker
    /// Replies that nobody waits for any more: late or repeated ones. Harmless.
    private(set) var strayReplies: UInt64 = 0

    init(endpoint: String, limits: RequestClientLimits, now: ContinuousClock.Instant) {
        self.endpoint = endpoint
        self.limits = limits
        liveness = LivenessTracker(
            .whenNothingIsHeard, heartbeatInterval: limits.heartbeatInterval, silenceLimit: limits.silenceLimit,
            now: now)
    }

    var callsInFlight: Int { calls.count }
    var hasUnsent: Bool { !unsent.isEmpty }

    var isConnected: Bool {
        switch connection {
        case .present: true
        case .absent: false
        }
    }

    mutating func begin(_ operation: OperationIdentifier, deadline: ContinuousClock.Instant) -> Beginning {
        guard calls.count < limits.callsInFlight else {
            return .refused(
                RemoteError(
                    .resourceExhausted, "Too many calls to \(endpoint) are under way.", remedy: "Wait for some to end.",
                    facts: ["origin": "caller", "limit": "\(limits.callsInFlight)"]))
        }
        guard calls[operation] == nil else {
            return .refused(
                RemoteError(
                    .alreadyExists, "A call with this operation identifier is under way already.",
                    remedy: "Wait for it, or use another identifier.",
                    facts: ["origin": "caller", "operation": "\(operation)"]))
        }
        calls[operation] = Call(deadline: deadline, retryAfter: limits.firstRetry)
        unsent.append(operation)
        wake(by: deadline)
        return .begun
    }

    /// The next call to send, or nil when there is none or nobody is connected. Follow it with `sent`, or leave it when
    /// the socket does not take it now.
    func nextToSend() -> (operation: OperationIdentifier, isRepetition: Bool, deadline: ContinuousClock.Instant)? {
        guard case .present = connection, let operation = unsent.first, let call = calls[operation] else { return nil }
        return (operation, call.timesSent > 0, call.deadline)
    }

    mutating func sent(_ operation: OperationIdentifier, now: ContinuousClock.Instant) {
        precondition(unsent.first == operation, "calls were sent out of order")
        unsent.removeFirst()
        guard var call = calls[operation] else { preconditionFailure("an unsent call is not in the table") }
        let retryAt = now + call.retryAfter
        call.stage = .waiting(retryAt: retryAt)
        call.timesSent += 1
        // Whatever it was refused with before, this time it may be done.
        call.lastRefusal = nil
        call.retryAfter = min(call.retryAfter * 2, limits.longestRetry)
        calls[operation] = call
        wake(by: retryAt)
    }

    /// Anything valid from the server.
    mutating func heard(now: ContinuousClock.Instant) { liveness.heard(at: now) }

    /// True when a caller waits for it; then the call is over.
    ///
    /// A server whose bus refused, because it is full or stopping, may accept later: the call stays and is repeated at
    /// its retry time.
    mutating func replied(_ operation: OperationIdentifier, error: RemoteError?) -> Bool {
        guard var call = calls[operation] else {
            strayReplies += 1
            return false
        }
        if let error, BusRefusal(error) != nil {
            call.lastRefusal = error
            calls[operation] = call
            return false
        }
        end(operation)
        return true
    }

    /// True when it was still under way.
    mutating func cancelled(_ operation: OperationIdentifier) -> Bool {
        guard calls[operation] != nil else { return false }
        end(operation)
        return true
    }

    mutating func connected() { connection = .present }

    /// What was sent on a lost connection may not have arrived: it is sent again as soon as there is another.
    mutating func disconnected() {
        connection = .absent
        for (operation, call) in calls {
            guard case .waiting = call.stage else { continue }
            makeUnsent(operation)
        }
    }

    mutating func heartbeatSent(now: ContinuousClock.Instant) { liveness.sent(at: now) }

    /// Calls whose deadline is over, with what their callers get. Calls due for repetition become unsent.
    mutating func timePassed(now: ContinuousClock.Instant) -> [(OperationIdentifier, RemoteError)] {
        guard let wake = nextWake, wake <= now else { return [] }
        var over: [(OperationIdentifier, RemoteError)] = []
        nextWake = nil
        for (operation, call) in calls {
            if call.deadline <= now {
                over.append((operation, deadlineError(operation, call)))
                continue
            }
            self.wake(by: call.deadline)
            switch call.stage {
            case .unsent: break
            case .waiting(let retryAt) where retryAt <= now: makeUnsent(operation)
            case .waiting(let retryAt): self.wake(by: retryAt)
            }
        }
        for (operation, _) in over { end(operation) }
        return over
    }

    private func deadlineError(_ operation: OperationIdentifier, _ call: Call) -> RemoteError {
        let facts = ["origin": "caller", "endpoint": endpoint, "times_sent": "\(call.timesSent)"]
        if let refusal = call.lastRefusal { return refusal }
        if call.timesSent == 0 {
            return RemoteError(
                .unavailable, "Nobody was reached at \(endpoint).", remedy: "Start the service, or check the address.",
                facts: facts)
        }
        return RemoteError(
            .deadlineExceeded, "\(endpoint) did not answer in time; it may still have happened.",
            remedy: "Repeat it with the same operation identifier.",
            facts: facts.merging(["operation": "\(operation)"]) { old, _ in old })
    }

    private mutating func makeUnsent(_ operation: OperationIdentifier) {
        calls[operation]?.stage = .unsent
        unsent.append(operation)
    }

    private mutating func end(_ operation: OperationIdentifier) {
        guard let call = calls.removeValue(forKey: operation) else { return }
        if case .unsent = call.stage { unsent.removeAll { $0 == operation } }
    }

    private mutating func wake(by instant: ContinuousClock.Instant) {
        nextWake = nextWake.map { min($0, instant) } ?? instant
    }

    func checkInvariants() {
        let notWaiting = calls.filter { entry in
            if case .unsent = entry.value.stage { true } else { false }
        }
        precondition(Set(unsent) == Set(notWaiting.keys), "the queue of unsent calls does not match the table")
        precondition(unsent.count == notWaiting.count, "a call is queued twice")
        precondition(
            calls.values.allSatisfy { call in nextWake.map { $0 <= call.deadline } ?? false },
            "a deadline would be missed")
    }
}
