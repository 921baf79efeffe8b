import Testing

@testable import MessageBus

@Suite struct LivenessTrackerTests {
    private let start = ContinuousClock.now

    private func at(_ seconds: Double) -> ContinuousClock.Instant { start + .seconds(seconds) }

    private func tracker(_ rule: LivenessTracker.HeartbeatRule) -> LivenessTracker {
        LivenessTracker(rule, heartbeatInterval: .seconds(2), silenceLimit: .seconds(7), now: start)
    }

    @Test func unknownThenAliveThenSilent() {
        var tracker = tracker(.whenNothingIsHeard)
        #expect(tracker.liveness(at: at(6.9)) == .unknown)
        #expect(tracker.liveness(at: at(7)) == .silent(lastHeard: nil))
        tracker.heard(at: at(8))
        #expect(tracker.liveness(at: at(14.9)) == .alive)
        #expect(tracker.liveness(at: at(15)) == .silent(lastHeard: at(8)))
    }

    @Test func heartbeatsFollowSilenceOfThePeer() {
        var tracker = tracker(.whenNothingIsHeard)
        #expect(tracker.heartbeatDue == at(2))
        tracker.heard(at: at(1))
        #expect(tracker.heartbeatDue == at(3))
        tracker.sent(at: at(3))
        #expect(tracker.heartbeatDue == at(5))
    }

    @Test func heartbeatsFollowOwnSilence() {
        var tracker = tracker(.whenNothingIsSent)
        tracker.heard(at: at(1))
        #expect(tracker.heartbeatDue == at(2))
        tracker.sent(at: at(1.5))
        #expect(tracker.heartbeatDue == at(3.5))
    }
}
