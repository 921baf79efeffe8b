/// A request that must be settled before its protection goes on: repeated with back-off until the peer has answered for
/// good. Silence never settles it; refusals do after a few, because the next opening clears what they leave.
struct PersistentCall: Hashable, Sendable {
    enum State: Hashable, Sendable {
        case asked(CallNumber)
        case waiting(until: PolicyTime)
        case settled
    }

    private(set) var state: State
    private(set) var refusals = 0
    /// Why it was not settled when it was last answered, or not.
    private(set) var lastError: PolicyError?
    private var backoff = Backoff()

    init(asked call: CallNumber) { state = .asked(call) }

    /// Nothing was to be done.
    static let settled = PersistentCall(state: .settled)

    private init(state: State) { self.state = state }

    /// To be asked at this time.
    init(waitingUntil time: PolicyTime) { state = .waiting(until: time) }

    var isSettled: Bool { state == .settled }

    /// When it must be asked again; nil while it is asked or settled.
    var repeatAt: PolicyTime? {
        switch state {
        case .waiting(let until): until
        case .asked, .settled: nil
        }
    }

    /// Unsuccessful answers so far.
    var failures: Int { backoff.failures }

    func awaits(_ call: CallNumber) -> Bool { state == .asked(call) }

    mutating func settle() { state = .settled }

    mutating func asked(_ call: CallNumber) { state = .asked(call) }

    mutating func failed(_ error: PolicyError, now: PolicyTime) {
        lastError = error
        if error.isRefusal { refusals += 1 }
        if Self.meansGone(error.code) || refusals >= PolicyLimits.cleanupRefusalsMaximum {
            state = .settled
        } else {
            state = .waiting(until: now + backoff.next())
        }
    }

    /// As `failed`, for what no later opening clears: a peer that is not ready to let go, because a guest or a test runs
    /// there, is asked until it is.
    mutating func failedToRelease(_ error: PolicyError, now: PolicyTime) {
        if error.code == .failedPrecondition { return failedButNeeded(error, now: now) }
        failed(error, now: now)
    }

    /// The answer cannot be done without: however often it is refused, it is asked again.
    /// - Parameter error: nil when there was an answer, and it was of no use.
    mutating func failedButNeeded(_ error: PolicyError?, now: PolicyTime) {
        lastError = error
        state = .waiting(until: now + backoff.next())
    }

    /// Refusals after which nothing of ours can be left at the peer, or nothing that we may touch.
    private static func meansGone(_ code: PolicyError.Code) -> Bool {
        switch code {
        case .notFound, .staleGeneration, .unimplemented:
            true
        case .invalidArgument, .alreadyExists, .conflict, .wrongParent, .failedPrecondition, .resourceExhausted,
            .unavailable, .deadlineExceeded, .unsupportedVersion, .corruptData, .leaseLost, .internal:
            false
        }
    }
}
