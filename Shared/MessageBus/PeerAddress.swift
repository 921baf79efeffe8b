internal import Logging

/// The address of the peer of one connecting socket: asks the resolver when `PeerAddressStateMachine` says so.
///
/// libzmq gets numeric addresses only: a name it would look up at every reconnection, on the thread that moves the
/// messages of all sockets, and nobody would be sent anything until a name server answered.
struct PeerAddress: Sendable {
    /// What a look-up led to.
    enum Outcome: Equatable, Sendable {
        case sameAddress
        /// The connection there was, if any, is gone.
        case otherAddress
    }

    private var machine: PeerAddressStateMachine
    private let endpoint: String
    private let resolver: NameResolver
    private let logger: Logger

    init(of endpoint: String, resolver: NameResolver, logger: Logger) {
        machine = PeerAddressStateMachine(endpoint, limits: NameLimits(), now: .now)
        self.endpoint = endpoint
        self.resolver = resolver
        self.logger = logger
    }

    /// Why the name has no address; nil while it has one, or needs none.
    var nameFailure: String? { machine.failure }

    /// What happened to the connection there is; nil when the report is of an address that was given up.
    mutating func event(of report: ConnectionReport) -> ConnectionEvent? {
        machine.reported(report.event, at: report.endpoint, now: .now) ? report.event : nil
    }

    /// Asks when that is due, and has `watching` woken when it is due next.
    ///
    /// `answered` is called on `thread`, at most once, and never waited for.
    mutating func lookUpIfDue(
        on thread: SocketThread, waking watching: SocketRegistration,
        answered: @escaping @Sendable (PeerAddressStateMachine.Question, NameResolver.Outcome) -> Void
    ) {
        if let question = machine.timePassed(now: .now) {
            resolver.resolve(question.host) { outcome in thread.post { answered(question, outcome) } }
        }
        watching.deadline = machine.nextWake
    }

    /// `make` moves the socket. Why there is no address is logged the first time in a row.
    mutating func answered(
        _ question: PeerAddressStateMachine.Question, _ outcome: NameResolver.Outcome,
        make: (PeerAddressStateMachine.Move) throws(MessageBusError) -> Void
    ) -> Outcome {
        let failedBefore = machine.failure != nil
        let move = machine.answered(question, outcome, now: .now)
        do throws(MessageBusError) {
            try make(move)
        } catch {
            // Disconnected from the earlier address all the same.
            machine.couldNotConnect("\(error)", now: .now)
            return .otherAddress
        }
        if let failure = machine.failure, !failedBefore {
            logger.warning("name not found", metadata: ["endpoint": "\(endpoint)", "reason": "\(failure)"])
        }
        return move == .stay ? .sameAddress : .otherAddress
    }
}
