internal import Messages

/// Decides what happens to each message that reaches a request server: a value without clock, socket or task.
struct RequestServerStateMachine: Sendable {
    enum Action: Equatable, Sendable {
        case nothing
        case answer(ReplyAddress, [UInt8])
        case handle(Envelope, deadline: ContinuousClock.Instant)
    }

    private let name: String
    private let limits: RequestServerLimits
    private(set) var cache: DuplicateCache
    private var inFlightOfPeer: [PeerIdentity: Int] = [:]
    private var askers: [OperationIdentifier: PeerIdentity] = [:]
    var statistics = RequestServerStatistics()

    init(name: String, limits: RequestServerLimits) {
        self.name = name
        self.limits = limits
        cache = DuplicateCache(limits: limits)
    }

    /// `frames` is everything behind the routing frame; `hasMore` says that some were dropped because of their number.
    mutating func received(
        _ frames: [[UInt8]], hasMore: Bool, from peer: PeerIdentity, now: ContinuousClock.Instant
    ) -> Action {
        switch (frames.count, hasMore) {
        case (1, false): return received(frames[0], from: ReplyAddress(peer: peer, hasEmptyFrame: false), now: now)
        case (2, false) where frames[0].isEmpty:
            return received(frames[1], from: ReplyAddress(peer: peer, hasEmptyFrame: true), now: now)
        default:
            statistics.wronglyFramed += 1
            let error = RemoteError(
                .invalidArgument, "A request has one frame, or an empty one and then one.",
                remedy: "Send one serialized Envelope.")
            return .answer(ReplyAddress(peer: peer, hasEmptyFrame: false), unsolicited(error))
        }
    }

    private mutating func received(
        _ frame: [UInt8], from address: ReplyAddress, now: ContinuousClock.Instant
    ) -> Action {
        let envelope: Envelope
        do throws(EnvelopeFault) {
            envelope = try .decode(frame)
        } catch {
            statistics.malformed += 1
            return .answer(address, answer(to: error))
        }
        switch envelope.body {
        case .heartbeat:
            return .answer(address, envelope.reply(.heartbeat(Heartbeat()), sender: name).encoded())
        case .healthRequest, .vaultRequest, .policyRequest, .agentRequest, .orchestratorRequest:
            return requested(envelope, from: address, now: now)
        case .error, .healthReply, .vaultReply, .vaultEvent, .policyReply, .agentReply, .orchestratorReply, nil:
            statistics.malformed += 1
            let error = RemoteError(
                .invalidArgument, "The body is not a request.", remedy: "Send one of the …_request bodies.")
            return .answer(address, envelope.reply(.error(error.wire), sender: name).encoded())
        }
    }

    private mutating func requested(
        _ envelope: Envelope, from address: ReplyAddress, now: ContinuousClock.Instant
    ) -> Action {
        let operation = envelope.operation
        switch cache.received(operation, from: address) {
        case .joined:
            statistics.joined += 1
            return .nothing
        case .answered(let reply):
            statistics.answeredAgain += 1
            return .answer(address, reply)
        case .new: break
        }
        let ofPeer = inFlightOfPeer[address.peer, default: 0]
        guard cache.inFlight < limits.requestsInFlight, ofPeer < limits.requestsInFlightPerPeer else {
            statistics.refusedFull += 1
            let error = RemoteError(
                .resourceExhausted, "Too many requests are being handled.", remedy: "Repeat it after a while.",
                facts: [
                    BusRefusal.fact: BusRefusal.full.rawValue, "in_flight": "\(cache.inFlight)",
                    "of_this_connection": "\(ofPeer)",
                ])
            return .answer(address, envelope.reply(.error(error.wire), sender: name).encoded())
        }
        cache.began(operation, for: address)
        inFlightOfPeer[address.peer] = ofPeer + 1
        askers[operation] = address.peer
        statistics.handled += 1
        let left = min(envelope.timeLeft ?? limits.defaultDeadline, limits.longestDeadline)
        return .handle(envelope, deadline: now + left)
    }

    /// The handler answered: everybody in the result gets the reply.
    mutating func finished(_ operation: OperationIdentifier, reply: [UInt8], remember: Bool) -> [ReplyAddress] {
        guard let asker = askers.removeValue(forKey: operation), let count = inFlightOfPeer[asker] else {
            preconditionFailure("an operation finished that nobody asked for")
        }
        inFlightOfPeer[asker] = count > 1 ? count - 1 : nil
        return cache.finished(operation, reply: reply, remember: remember)
    }

    private func answer(to fault: EnvelopeFault) -> [UInt8] {
        guard let envelope = fault.envelope, OperationIdentifier(bytes: envelope.operationID) != nil else {
            return unsolicited(fault.error)
        }
        return envelope.reply(.error(fault.error.wire), sender: name).encoded()
    }

    private func unsolicited(_ error: RemoteError) -> [UInt8] {
        Envelope.unsolicited(.error(error.wire), sender: name).encoded()
    }
}
