/// Decides the next step of retention from the points alone: no clock, no files.
///
/// Invariants:
/// - The newest point is never retired.
/// - A point younger than `everyCycleSeconds` is never retired.
/// - An hour (a day) loses points only when all of it is older than the zone before it, so that its survivor is chosen
///   once, and each stored byte is copied a fixed number of times, however short the cycles are.
/// - The newest verified point is not merged away, because it is what an operator falls back to when the newest points
///   are in doubt. It goes when it is too old for every rule, as any other, so the base can follow. At most one point
///   more than the rules ask for is kept by this.
/// - Nothing at or below a pinned cycle is touched, and nothing is folded while anything is pinned, because a view
///   reads the logs up to its point and the base below them.
///
/// Ages are measured from the newest point or from now, whichever is earlier: a source clock that jumps ahead must not
/// make the points before the jump look old, and a replica whose replication is paused keeps what it has. Where points
/// are not in the order of their times, `CaptureTimes` has what counts.
package struct RetentionPlanner: Sendable {
    /// What the planner must know of a point. The base's point is not among them: it costs nothing and stays.
    package struct Candidate: Sendable, Hashable {
        package var cycle: UInt64
        package var capturedUnixMilliseconds: Int64
        package var applicationConsistent: Bool
        package var storedBytes: UInt64
        /// False where disks were removed, reordered or shrunk since the point before: logs are not merged across that.
        package var mergesOntoPrevious: Bool
        /// A guest that was started from it answered.
        package var isVerified: Bool

        package init(
            cycle: UInt64, capturedUnixMilliseconds: Int64, applicationConsistent: Bool, storedBytes: UInt64,
            mergesOntoPrevious: Bool = true, isVerified: Bool = false
        ) {
            self.cycle = cycle
            // Times are subtracted from each other; a log of an earlier release may hold any number.
            self.capturedUnixMilliseconds = min(max(capturedUnixMilliseconds, -(1 << 53)), 1 << 53)
            self.applicationConsistent = applicationConsistent
            self.storedBytes = storedBytes
            self.mergesOntoPrevious = mergesOntoPrevious
            self.isVerified = isVerified
        }
    }

    /// Which rule a point's age puts it under.
    private enum Zone: Equatable {
        case everyCycle
        case hour(Int64)
        case day(Int64)
        /// Too old for every rule. The number groups such points while views hinder folding.
        case expired(UInt64)
    }

    private static let hourMilliseconds: Int64 = 3_600_000
    private static let dayMilliseconds: Int64 = 86_400_000

    private let everyCycle: Int64
    private let hourly: Int64
    private let daily: Int64

    package init(retention: Retention) {
        everyCycle = Int64(retention.everyCycleSeconds) * 1_000
        hourly = max(everyCycle, Int64(retention.hourlySeconds) * 1_000)
        daily = max(hourly, Int64(retention.dailySeconds) * 1_000)
    }

    /// - Parameters:
    ///   - points: ascending by cycle, one for each log of the journal.
    ///   - pinned: the highest cycle that a live view needs; nil when there is none.
    ///   - nowUnixMilliseconds: the clock of this host.
    /// - Returns: the step that comes next, or nil when retention is satisfied for now.
    package func nextStep(points: [Candidate], pinned: UInt64?, nowUnixMilliseconds: Int64) -> RetentionStep? {
        let points = believed(points, nowUnixMilliseconds)
        guard let newest = points.last, points.count > 1 else { return nil }
        let reference = newest.capturedUnixMilliseconds
        if pinned == nil, let target = foldTarget(points.dropLast(), reference: reference) {
            return .fold(upTo: target)
        }
        let free = pinned.map { pinned in points.drop { $0.cycle <= pinned } } ?? points[...]
        let verified = points.last { $0.isVerified }?.cycle
        for run in retiredRuns(free, reference: reference, verified: verified) {
            return .merge(cycles: Self.segment(of: run))
        }
        return nil
    }

    /// The same points at times that can be.
    private func believed(_ points: [Candidate], _ nowUnixMilliseconds: Int64) -> [Candidate] {
        let times = CaptureTimes(points.map(\.capturedUnixMilliseconds), now: nowUnixMilliseconds)
        return zip(points, times.rising).map { point, time in
            var point = point
            point.capturedUnixMilliseconds = time
            return point
        }
    }

    // MARK: Folding

    private func foldTarget(_ points: ArraySlice<Candidate>, reference: Int64) -> UInt64? {
        let due = points.prefix { reference - $0.capturedUnixMilliseconds > daily }
            .prefix(ReplicaLimits.logsPerFoldMaximum)
        guard let first = due.first, let last = due.last else { return nil }
        let lag = reference - first.capturedUnixMilliseconds - daily
        let bytes = due.reduce(0) { $0 + $1.storedBytes }
        let worthIt =
            due.count >= ReplicaLimits.logsPerFold || bytes >= ReplicaLimits.storedBytesPerFold
            || lag >= ReplicaLimits.foldLagMilliseconds
        return worthIt ? last.cycle : nil
    }

    // MARK: Merging

    /// Runs of points that end with one that is kept, all the others being retired. Where two logs cannot be merged,
    /// the older one's point is kept too.
    /// - Parameter verified: the newest verified point's cycle, which ends a run as any point that is kept.
    private func retiredRuns(
        _ points: ArraySlice<Candidate>, reference: Int64, verified: UInt64?
    ) -> [[UInt64]] {
        var runs: [[UInt64]] = []
        var run: [UInt64] = []
        var index = points.startIndex
        while index < points.endIndex {
            let zone = zone(of: points[index], reference: reference)
            var end = index + 1
            while end < points.endIndex, self.zone(of: points[end], reference: reference) == zone { end += 1 }
            let members = points[index..<end]
            let next = end < points.endIndex ? points[end].cycle : nil
            for (position, member) in zip(members.indices, members) {
                if !member.mergesOntoPrevious {
                    if run.count > 1 { runs.append(run) }
                    run = []
                }
                run.append(member.cycle)
                let isKept = isKept(position, in: members, before: next, zone: zone) || member.cycle == verified
                guard isKept else { continue }
                if run.count > 1 { runs.append(run) }
                run = []
            }
            index = end
        }
        return runs
    }

    /// - Parameter next: the cycle after the members; nil when they hold the newest point.
    private func isKept(
        _ position: Int, in members: ArraySlice<Candidate>, before next: UInt64?, zone: Zone
    ) -> Bool {
        guard let next else { return position == members.endIndex - 1 || zone == .everyCycle }
        return switch zone {
        case .everyCycle: true
        case .hour, .day: position == (members.lastIndex { $0.applicationConsistent } ?? members.endIndex - 1)
        // Folding takes these, once it may. Until then a whole group is merged, and never a part of one, because the
        // part would be copied again with every point that joins it.
        case .expired(let group): Self.group(of: next) == group || position == members.endIndex - 1
        }
    }

    private static func group(of cycle: UInt64) -> UInt64 { cycle / UInt64(ReplicaLimits.logsPerMerge) }

    private func zone(of point: Candidate, reference: Int64) -> Zone {
        let age = reference - point.capturedUnixMilliseconds
        if age > daily { return .expired(Self.group(of: point.cycle)) }
        let day = Self.bucket(of: point.capturedUnixMilliseconds, size: Self.dayMilliseconds)
        if daily > hourly, (day + 1) * Self.dayMilliseconds <= reference - hourly { return .day(day) }
        let hour = Self.bucket(of: point.capturedUnixMilliseconds, size: Self.hourMilliseconds)
        // Past the hourly age a point waits, under the hourly rule, for its day to be complete.
        let hasHours = hourly > everyCycle || daily > hourly
        if hasHours, (hour + 1) * Self.hourMilliseconds <= reference - everyCycle { return .hour(hour) }
        return .everyCycle
    }

    private static func bucket(of time: Int64, size: Int64) -> Int64 {
        time >= 0 ? time / size : (time + 1) / size - 1
    }

    /// What of a run is merged in one step. A long run is first merged in groups that cycle numbers fix, then the
    /// results are merged, so that no byte is copied more often than the logarithm of the run's length.
    private static func segment(of run: [UInt64]) -> [UInt64] {
        let limit = ReplicaLimits.logsPerMerge
        guard run.count > limit else { return run }
        var groupSize = UInt64(limit)
        while true {
            var group: [UInt64] = []
            for cycle in run {
                if let first = group.first, first / groupSize != cycle / groupSize {
                    if group.count > 1 { return group }
                    group = []
                }
                group.append(cycle)
                if group.count == limit { return group }
            }
            if group.count > 1 { return group }
            groupSize *= UInt64(limit)
        }
    }
}
