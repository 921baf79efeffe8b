/// Shares each limit evenly among the jobs that run under it.
///
/// A share is stated when a job is granted and again with every report, so that after a job begins or ends the others
/// follow within one report; meanwhile the sum may exceed the limit by one job's share.
struct BandwidthShares: Sendable {
    private var running: [BandwidthKey: Int] = [:]

    mutating func began(_ key: BandwidthKey) { running[key, default: 0] += 1 }

    mutating func ended(_ key: BandwidthKey) {
        guard let count = running[key] else { preconditionFailure("a job ended under a limit where none ran") }
        running[key] = count == 1 ? nil : count - 1
    }

    func runningJobs(_ key: BandwidthKey) -> Int { running[key, default: 0] }

    /// Bytes per second for each running job; 0: no limit. A limit never rounds down to none.
    func share(of limit: UInt64, _ key: BandwidthKey) -> UInt64 {
        guard limit > 0 else { return 0 }
        return max(1, limit / UInt64(max(1, runningJobs(key))))
    }
}
