/// How much of its share one running job is seen to take, so that what it leaves can be given to others.
///
/// A job that takes clearly less than its share for a while is capped a quarter above what it takes; one that then
/// fills its cap gets the double, until it is not capped any more. So a slow worker gives away what it cannot use
/// within one measurement, and a worker that became faster has it back after a few.
struct BandwidthDemand: Hashable, Sendable {
    /// nil: as much as it is given.
    private(set) var cap: UInt64?
    private var share: UInt64 = 0
    private var bytes: UInt64 = 0
    private var since: PolicyTime

    /// Reports come every second, so this holds several.
    static let measuringMilliseconds: Int64 = 3_000

    init(now: PolicyTime) { since = now }

    mutating func moved(_ more: UInt64) { bytes &+= more }

    /// Notes the share that the job is told, and ends a measurement when it was long enough.
    ///
    /// - Parameters:
    ///   - stated: 0: no limit.
    ///   - even: what each job gets where all take the same. The cap stays above an eighth of it, because a job that
    ///     only compares for a while sends nothing, and must not begin at nothing afterwards.
    mutating func told(_ stated: UInt64, even: UInt64, now: PolicyTime) {
        guard stated > 0 else { return self = BandwidthDemand(now: now) }
        // What was taken of another share says nothing about this one.
        let difference = max(stated, share) - min(stated, share)
        guard difference <= share / 8 else {
            (share, bytes, since) = (stated, 0, now)
            return
        }
        guard now - since >= Self.measuringMilliseconds else { return }
        let rate = bytes * 1_000 / UInt64(now - since)
        if rate < stated / 4 * 3 {
            cap = max(rate / 4 * 5, even / 8, 1)
        } else if rate >= stated / 10 * 9, let before = cap {
            cap = before * 2 >= even ? nil : before * 2
        }
        (bytes, since) = (0, now)
    }
}
