/// Decides which address a socket connects to, and when its peer's name is looked up: a value without clock, resolver or
/// socket.
///
///     unresolved ──time──► resolving ──answer──► known ──connected──► connected
///         ▲                  │    ▲                │ not connected in time     │
///         └── late, nothing ─┘    └────────────────┘                           │
///         ▲                                       lost: asked again at once    │
///         └────────────────────────────────────────────────────────────────────┘
///
/// libzmq goes on trying the newest address in every state, so a resolver that is away delays only those whose peer has
/// moved. The peer of a lost connection may have moved, and so may one that cannot be reached: a container that comes
/// back has another address.
///
/// Invariants: what was answered was asked; there is no wake-up exactly while nothing can be learned by asking.
struct PeerAddressStateMachine: Sendable {
    struct Question: Hashable, Sendable {
        /// From 1, in the order of asking.
        let number: UInt64
        let host: String
    }

    /// What the socket does about it; both are endpoints with a numeric address.
    enum Move: Equatable, Sendable {
        case stay
        case connect(String)
        case replace(String, by: String)
    }

    /// What is known of the address that libzmq has been trying.
    private enum Earlier {
        case none
        /// It was connected to; the peer may well be there again.
        case lost(String)
        /// It was never reached, so another one that the name has is tried next.
        case inVain(String)

        var address: String? {
            switch self {
            case .none: nil
            case .lost(let address), .inVain(let address): address
            }
        }
    }

    private enum Stage {
        /// There is nothing to look up.
        case fixed
        case unresolved(Earlier, askAt: ContinuousClock.Instant)
        case resolving(Earlier, until: ContinuousClock.Instant)
        /// libzmq tries to connect there.
        case known(String, askAt: ContinuousClock.Instant)
        /// As long as this lasts, the name does not matter.
        case connected(String)
    }

    private let peer: PeerEndpoint
    private let limits: NameLimits
    private var stage: Stage
    /// The newest question, and the newest that was answered with addresses.
    private var asked: UInt64 = 0
    private var answered: UInt64 = 0
    private var lastAskedAt: ContinuousClock.Instant?
    private var pause: Duration
    /// Why the name has no address now, since when it was last asked; nil while it has one.
    private(set) var failure: String?

    init(_ endpoint: String, limits: NameLimits, now: ContinuousClock.Instant) {
        peer = PeerEndpoint(endpoint)
        self.limits = limits
        pause = limits.firstPause
        switch peer {
        case .fixed: stage = .fixed
        case .named: stage = .unresolved(.none, askAt: now)
        }
    }

    /// When `timePassed` is due.
    var nextWake: ContinuousClock.Instant? {
        switch stage {
        case .fixed, .connected: nil
        case .unresolved(_, let askAt), .known(_, let askAt): askAt
        case .resolving(_, let until): until
        }
    }

    /// The question that is due now, if any.
    mutating func timePassed(now: ContinuousClock.Instant) -> Question? {
        guard let wake = nextWake, wake <= now, case .named(let host, _) = peer else { return nil }
        switch stage {
        case .fixed, .connected: return nil
        case .resolving(let earlier, _):
            // Its answer is still welcome; but asking anew may find a name server that has come back.
            failed("no answer within \(limits.answerLimit)", earlier, now)
            return nil
        case .unresolved(let earlier, _): return ask(host, earlier, now)
        case .known(let address, _): return ask(host, .inVain(address), now)
        }
    }

    private mutating func ask(_ host: String, _ earlier: Earlier, _ now: ContinuousClock.Instant) -> Question {
        asked += 1
        lastAskedAt = now
        stage = .resolving(earlier, until: now + limits.answerLimit)
        return Question(number: asked, host: host)
    }

    private mutating func failed(_ why: String, _ earlier: Earlier, _ now: ContinuousClock.Instant) {
        failure = why
        stage = .unresolved(earlier, askAt: now + pause)
        pause = min(pause * 2, limits.longestPause)
    }

    /// An answer may be late, or overtaken by that to a newer question, which counts more.
    mutating func answered(
        _ question: Question, _ outcome: NameResolver.Outcome, now: ContinuousClock.Instant
    ) -> Move {
        precondition(question.number <= asked, "a name was answered that nobody asked for")
        switch outcome {
        case .failed(let why):
            if case .resolving(let earlier, _) = stage, question.number == asked { failed(why, earlier, now) }
            return .stay
        case .addresses(let addresses):
            guard question.number > answered, !addresses.isEmpty else { return .stay }
            answered = question.number
            failure = nil
            return found(addresses, now)
        }
    }

    private mutating func found(_ addresses: [String], _ now: ContinuousClock.Instant) -> Move {
        switch stage {
        case .fixed: return .stay
        case .unresolved(let earlier, _), .resolving(let earlier, _):
            return connect(to: choice(of: addresses, after: earlier), insteadOf: earlier.address, now)
        case .known(let address, _), .connected(let address):
            // Connected again while the name was looked up: to a stranger, when the name no longer has that address.
            if addresses.contains(address) { return .stay }
            return connect(to: addresses[0], insteadOf: address, now)
        }
    }

    private func choice(of addresses: [String], after earlier: Earlier) -> String {
        guard let address = earlier.address, let index = addresses.firstIndex(of: address) else { return addresses[0] }
        switch earlier {
        case .none, .lost: return address
        case .inVain: return addresses[(index + 1) % addresses.count]
        }
    }

    private mutating func connect(
        to address: String, insteadOf earlier: String?, _ now: ContinuousClock.Instant
    ) -> Move {
        stage = .known(address, askAt: now + limits.connectLimit)
        guard let earlier else { return .connect(endpoint(of: address)) }
        return earlier == address ? .stay : .replace(endpoint(of: earlier), by: endpoint(of: address))
    }

    /// The socket did not take the address: as if the name had none.
    mutating func couldNotConnect(_ why: String, now: ContinuousClock.Instant) { failed(why, .none, now) }

    /// What libzmq reports about `endpoint`. False when that is an address which was given up meanwhile: then it says
    /// nothing about the connection there is.
    mutating func reported(
        _ event: ConnectionEvent, at endpoint: String, now: ContinuousClock.Instant
    ) -> Bool {
        let current: String
        switch stage {
        case .fixed: return true
        case .unresolved(let earlier, _), .resolving(let earlier, _):
            guard let address = earlier.address else { return false }
            current = address
        case .known(let address, _), .connected(let address): current = address
        }
        guard endpoint == self.endpoint(of: current) else { return false }
        switch event {
        case .connected:
            stage = .connected(current)
            pause = limits.firstPause
        case .disconnected: lost(current, now)
        }
        return true
    }

    /// A connection that is lost again and again does not make more questions than one a pause.
    private mutating func lost(_ address: String, _ now: ContinuousClock.Instant) {
        switch stage {
        case .fixed: break
        case .resolving(_, let until): stage = .resolving(.lost(address), until: until)
        case .unresolved(_, let askAt): stage = .unresolved(.lost(address), askAt: askAt)
        case .known, .connected:
            let earliest = lastAskedAt.map { $0 + limits.firstPause } ?? now
            stage = .unresolved(.lost(address), askAt: max(now, earliest))
        }
    }

    private func endpoint(of address: String) -> String {
        switch peer {
        case .fixed(let endpoint): endpoint
        case .named(_, let port): "tcp://\(address):\(port)"
        }
    }

    func checkInvariants() {
        precondition(answered <= asked, "more was answered than asked")
        switch stage {
        case .fixed, .connected: precondition(nextWake == nil, "something is asked that does not matter")
        case .unresolved, .resolving, .known: precondition(nextWake != nil, "nobody would ever ask again")
        }
    }
}
