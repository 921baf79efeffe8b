internal import Messages

/// What is known of recent operations, so that a repeated request is not acted on twice: a value without clock or
/// sockets.
///
/// Invariants: `bytes` is the sum of the remembered answers; every identifier in `order` is remembered, once; neither
/// limit is exceeded.
struct DuplicateCache: Sendable {
    enum Verdict: Equatable, Sendable {
        case new
        /// Being handled: the asker now waits for that answer too.
        case joined
        /// Answered before, with this.
        case answered([UInt8])
    }

    private enum Entry {
        case inFlight(waiters: [ReplyAddress])
        case answered([UInt8])
    }

    private let limits: RequestServerLimits
    private var entries: [OperationIdentifier: Entry] = [:]
    /// Answered operations, oldest first, from `oldest` on.
    private var order: [OperationIdentifier] = []
    private var oldest = 0
    private(set) var bytes = 0
    private(set) var inFlight = 0

    init(limits: RequestServerLimits) { self.limits = limits }

    var remembered: Int { order.count - oldest }

    /// Looks an operation up, and adds the asker to those who wait when it is being handled.
    mutating func received(_ operation: OperationIdentifier, from address: ReplyAddress) -> Verdict {
        switch entries[operation] {
        case nil: return .new
        case .answered(let reply): return .answered(reply)
        case .inFlight(var waiters):
            if let known = waiters.firstIndex(of: address) { waiters.remove(at: known) }
            if waiters.count >= limits.waitersPerOperation { waiters.removeFirst() }
            waiters.append(address)
            entries[operation] = .inFlight(waiters: waiters)
            return .joined
        }
    }

    /// A new operation is given to the handler.
    mutating func began(_ operation: OperationIdentifier, for address: ReplyAddress) {
        precondition(entries[operation] == nil, "an operation began twice")
        entries[operation] = .inFlight(waiters: [address])
        inFlight += 1
    }

    /// The handler has answered; returns everybody who waits. An answer that may be different next time (a retryable
    /// error) is not remembered, so that repeating the request tries again.
    mutating func finished(_ operation: OperationIdentifier, reply: [UInt8], remember: Bool) -> [ReplyAddress] {
        guard case .inFlight(let waiters) = entries[operation] else {
            preconditionFailure("an operation finished that was not in flight")
        }
        inFlight -= 1
        if remember && reply.count <= limits.rememberedReplyBytes / 4 {
            entries[operation] = .answered(reply)
            order.append(operation)
            bytes += reply.count
            forgetOldest()
        } else {
            entries[operation] = nil
        }
        return waiters
    }

    private mutating func forgetOldest() {
        while remembered > limits.rememberedReplies || bytes > limits.rememberedReplyBytes {
            guard case .answered(let reply) = entries.removeValue(forKey: order[oldest]) else {
                preconditionFailure("a remembered operation has no answer")
            }
            bytes -= reply.count
            oldest += 1
        }
        // Moves the rest to the front now and then, so that the array does not grow for ever.
        if oldest > limits.rememberedReplies {
            order.removeFirst(oldest)
            oldest = 0
        }
    }

    func checkInvariants() {
        precondition(order[oldest...].allSatisfy { entries[$0] != nil }, "a remembered operation is not in the table")
        precondition(bytes <= limits.rememberedReplyBytes, "more bytes are remembered than allowed")
        precondition(remembered <= limits.rememberedReplies, "more answers are remembered than allowed")
        precondition(entries.count == remembered + inFlight, "an operation is neither in flight nor remembered")
    }
}
