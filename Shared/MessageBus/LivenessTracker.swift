/// When the peer was last heard, when a heartbeat is due, and when silence has lasted too long: a value without clock.
struct LivenessTracker: Sendable {
    enum HeartbeatRule {
        /// One interval after the last sign of life: asks a peer that only ever answers.
        case whenNothingIsHeard
        /// One interval after the last thing sent: tells a peer that listens.
        case whenNothingIsSent
    }

    private let rule: HeartbeatRule
    private let heartbeatInterval: Duration
    private let silenceLimit: Duration
    private let began: ContinuousClock.Instant
    private var lastHeard: ContinuousClock.Instant?
    private var lastSent: ContinuousClock.Instant

    init(_ rule: HeartbeatRule, heartbeatInterval: Duration, silenceLimit: Duration, now: ContinuousClock.Instant) {
        self.rule = rule
        self.heartbeatInterval = heartbeatInterval
        self.silenceLimit = silenceLimit
        began = now
        lastSent = now
    }

    mutating func heard(at now: ContinuousClock.Instant) { lastHeard = now }

    /// A heartbeat; under `whenNothingIsSent`, anything.
    mutating func sent(at now: ContinuousClock.Instant) { lastSent = now }

    var heartbeatDue: ContinuousClock.Instant {
        switch rule {
        case .whenNothingIsHeard: max(lastHeard ?? began, lastSent) + heartbeatInterval
        case .whenNothingIsSent: lastSent + heartbeatInterval
        }
    }

    /// When silence will have lasted too long, should nothing be heard until then.
    var silentFrom: ContinuousClock.Instant { (lastHeard ?? began) + silenceLimit }

    func liveness(at now: ContinuousClock.Instant) -> Liveness {
        if now >= silentFrom { return .silent(lastHeard: lastHeard) }
        return lastHeard == nil ? .unknown : .alive
    }
}
