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
        /// Why, when it is the first time in a row.
        case failed(String)
    }

    private var machine: PeerAddressStateMachine
    private let resolver: NameResolver

    init(of endpoint: String, resolver: NameResolver) {
        machine = PeerAddressStateMachine(endpoint, limits: NameLimits(), now: .now)
        self.resolver = resolver
    }

    /// When `lookUpIfDue` is due.
    var nextLookUp: ContinuousClock.Instant? { machine.nextWake }

    /// Why the name has no address; nil while it has one, or needs none.
    var nameFailure: String? { machine.failure }

    /// What happened to the connection there is; nil when the report is of an address that was given up.
    mutating func event(of report: ConnectionReport) -> ConnectionEvent? {
        machine.reported(report.event, at: report.endpoint, now: .now) ? report.event : nil
    }

    /// `answered` is called on any thread, at most once, and never waited for.
    mutating func lookUpIfDue(
        answered: @escaping @Sendable (PeerAddressStateMachine.Question, NameResolver.Outcome) -> Void
    ) {
        guard let question = machine.timePassed(now: .now) else { return }
        resolver.resolve(question.host) { answered(question, $0) }
    }

    /// `make` moves the socket.
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
        if let failure = machine.failure, !failedBefore { return .failed(failure) }
        return move == .stay ? .sameAddress : .otherAddress
    }
}
