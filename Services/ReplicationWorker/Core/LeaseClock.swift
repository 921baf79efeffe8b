/// When a lease ends if nobody renews it, as a value: it is told the time.
///
/// It counts from when a renewal was *sent*, because the job board counts from when it arrived, which is later: this
/// side then never believes in a lease that the other has given away already.
struct LeaseClock: Sendable {
    private let duration: Duration
    private var renewed: ContinuousClock.Instant

    init(duration: Duration, granted: ContinuousClock.Instant) {
        self.duration = duration
        renewed = granted
    }

    mutating func renew(sent: ContinuousClock.Instant) {
        renewed = max(renewed, sent)
    }

    func isOver(now: ContinuousClock.Instant) -> Bool {
        now >= renewed + duration
    }
}
