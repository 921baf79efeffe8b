import Testing

@testable import Replica

@Suite struct RetentionPlannerTests {
    typealias Candidate = RetentionPlanner.Candidate

    static let start: Int64 = 1_699_999_200_000  // an hour begins here

    private func point(_ cycle: UInt64, at seconds: Int64, application: Bool = false, bytes: UInt64 = 1_000)
        -> Candidate
    {
        Candidate(
            cycle: cycle, capturedUnixMilliseconds: Self.start + seconds * 1_000, applicationConsistent: application,
            storedBytes: bytes)
    }

    private func step(
        _ points: [Candidate], _ retention: Retention, pinned: UInt64? = nil, now: Int64? = nil
    ) -> RetentionStep? {
        RetentionPlanner(retention: retention).nextStep(
            points: points, pinned: pinned,
            nowUnixMilliseconds: now.map { Self.start + $0 * 1_000 } ?? points.last?.capturedUnixMilliseconds ?? 0)
    }

    @Test func anHourBeginsAtTheStart() {
        #expect(Self.start % 3_600_000 == 0)
    }

    /// A log of an earlier release may hold any time.
    @Test(arguments: [Int64.min, .max], [Int64.min, .max])
    func timesThatCannotBeEndNothing(first: Int64, second: Int64) {
        let points = [first, second, Self.start].enumerated().map { index, time in
            Candidate(
                cycle: UInt64(index + 1), capturedUnixMilliseconds: time, applicationConsistent: false, storedBytes: 1)
        }
        let retention = Retention(everyCycleSeconds: 60, hourlySeconds: 86_400, dailySeconds: 604_800)
        for now in [0, Self.start] {
            _ = RetentionPlanner(retention: retention).nextStep(points: points, pinned: nil, nowUnixMilliseconds: now)
        }
    }

    @Test func nothingIsDueWithoutAPointOrWithOne() {
        let none = Retention(everyCycleSeconds: 0)
        #expect(step([], none) == nil)
        #expect(step([point(1, at: 0)], none, now: 1_000_000) == nil)
    }

    @Test func whatIsOlderThanEveryRuleIsFoldedInBatches() {
        let retention = Retention(everyCycleSeconds: 60)
        let points = (1...100).map { point($0, at: Int64($0)) }
        // Newest at 100 s: 1...39 are older than 60 s.
        #expect(step(points, retention) == .fold(upTo: 39))
        // Fifteen due points wait, because none is late.
        #expect(step((1...75).map { point($0, at: Int64($0)) }, retention) == nil)
        #expect(step((1...77).map { point($0, at: Int64($0)) }, retention) == .fold(upTo: 16))
    }

    @Test func aFewLargeOrLateLogsAreFoldedAtOnce() {
        let retention = Retention(everyCycleSeconds: 60)
        #expect(step([point(1, at: 0), point(2, at: 61)], retention) == nil)
        #expect(step([point(1, at: 0, bytes: 1 << 30), point(2, at: 61)], retention) == .fold(upTo: 1))
        #expect(step([point(1, at: 0), point(2, at: 361)], retention) == .fold(upTo: 1))
    }

    @Test func theNewestPointStaysEvenWithoutAnyRetention() {
        let points = (1...40).map { point($0, at: Int64($0) * 1_000) }
        #expect(step(points, Retention(everyCycleSeconds: 0)) == .fold(upTo: 39))
    }

    @Test func aPausedReplicaKeepsItsPoints() {
        let points = (1...40).map { point($0, at: Int64($0)) }
        #expect(step(points, Retention(everyCycleSeconds: 3_600), now: 1_000_000) == nil)
    }

    @Test func aSourceClockThatJumpsAheadRetiresNothing() {
        let points = (1...40).map { point($0, at: Int64($0)) } + [point(41, at: 1_000_000)]
        #expect(step(points, Retention(everyCycleSeconds: 3_600), now: 41) == nil)
    }

    // MARK: Clocks that were wrong

    /// What is due before it is folded, and what comes after it is not held up until its time comes.
    @Test func aPointThatWasCapturedAheadIsFoldedInItsTurn() {
        let retention = Retention(everyCycleSeconds: 60)
        var points = (1...100).map { point($0, at: Int64($0)) }
        points[0] = point(1, at: 1_000_000)
        #expect(step(points, retention) == .fold(upTo: 39))
        points[0] = point(1, at: 1)
        points[20] = point(21, at: 1_000_000)
        #expect(step(points, retention) == .fold(upTo: 39))
    }

    @Test func pointsThatWereCapturedBehindAreAsYoungAsTheOnesBefore() {
        let retention = Retention(everyCycleSeconds: 600, hourlySeconds: 3_600)
        var points = (1...100).map { point($0, at: 10_000 + Int64($0)) }
        for index in 40..<60 { points[index] = point(UInt64(index) + 1, at: Int64(index) - 1_000_000) }
        #expect(step(points, retention) == nil)
        // The newest of all, too.
        points[99] = point(100, at: -1_000_000)
        #expect(step(points, retention, now: 10_200) == nil)
    }

    private func rising(_ times: Int64...) -> [Int64] { CaptureTimes(times, now: 10).rising }

    @Test func timesRise() {
        #expect(rising() == [])
        #expect(rising(1, 2, 2, 5) == [1, 2, 2, 5])
        // Ahead: as the next that is not, else now.
        #expect(rising(1, 99, 3, 4) == [1, 3, 3, 4])
        #expect(rising(1, 99, 98, 4) == [1, 4, 4, 4])
        #expect(rising(1, 2, 99) == [1, 2, 10])
        // Behind: as the one before.
        #expect(rising(5, -9, 6) == [5, 5, 6])
        #expect(rising(5, 6, -9, -8) == [5, 6, 6, 6])
        #expect(rising(-9, 5, 6) == [-9, 5, 6])
        // One ahead beside one behind pulls nothing down.
        #expect(rising(5, 99, -9, 7) == [5, 5, 5, 7])
        // Ahead of its followers, and not of now: not known to be the wrong one.
        #expect(rising(1, 9, 3, 4) == [1, 9, 9, 9])
    }

    @Test func anHourIsMergedWhenAllOfItIsOldEnough() {
        let retention = Retention(everyCycleSeconds: 600, hourlySeconds: 86_400)
        let hour = (0..<60).map { point(UInt64($0) + 1, at: Int64($0) * 60) }
        let later = (60..<120).map { point(UInt64($0) + 1, at: Int64($0) * 60) }
        // At 4,140 s the first hour ended 540 s ago: too young. At 4,200 s it is old enough.
        #expect(step(hour + later.prefix(10), retention) == nil)
        #expect(step(hour + later.prefix(11), retention) == .merge(cycles: Array(1...60)))
    }

    @Test func anApplicationConsistentPointSurvivesItsHour() {
        let retention = Retention(everyCycleSeconds: 600, hourlySeconds: 86_400)
        var points = (0..<120).map { point(UInt64($0) + 1, at: Int64($0) * 60) }
        points[20].applicationConsistent = true
        points[30].applicationConsistent = true
        #expect(step(points, retention) == .merge(cycles: Array(1...31)))
        // What follows the survivor in its hour goes into the next point that is kept.
        let merged = [points[30]] + points[31...]
        #expect(step(merged, retention) == .merge(cycles: Array(32...61)))
    }

    /// As retention would carry it out: what is merged away is gone.
    private func settled(_ points: [Candidate], _ retention: Retention) -> [UInt64] {
        var points = points
        while case .merge(let cycles)? = step(points, retention) {
            let gone = Set(cycles.dropLast())
            points.removeAll { gone.contains($0.cycle) }
        }
        return points.map(\.cycle)
    }

    @Test func theNewestVerifiedPointSurvivesBesideTheOneOfItsHour() {
        let retention = Retention(everyCycleSeconds: 600, hourlySeconds: 86_400)
        var points = (0..<71).map { point(UInt64($0) + 1, at: Int64($0) * 60) }
        points[10].isVerified = true
        points[20].isVerified = true
        #expect(step(points, retention) == .merge(cycles: Array(1...21)))
        #expect(settled(points, retention) == [21, 60] + Array(61...71))
        // One that is verified later takes its place, and the older one goes the way of its hour.
        points[65].isVerified = true
        #expect(settled(points, retention) == [60] + Array(61...71))
        let merged = [points[20], points[59]] + points[60...]
        #expect(step(merged, retention) == .merge(cycles: [21, 60]))
    }

    @Test func aVerifiedPointThatFollowsTheSurvivorOfItsHourStaysToo() {
        let retention = Retention(everyCycleSeconds: 600, hourlySeconds: 86_400)
        var points = (0..<71).map { point(UInt64($0) + 1, at: Int64($0) * 60) }
        points[30].applicationConsistent = true
        points[40].isVerified = true
        #expect(settled(points, retention) == [31, 41] + Array(61...71))
    }

    @Test func aVerifiedPointThatIsTooOldForEveryRuleGoesAsAnyOther() {
        let retention = Retention(everyCycleSeconds: 60)
        var points = (1...100).map { point($0, at: Int64($0)) }
        points[9].isVerified = true
        #expect(step(points, retention) == .fold(upTo: 39))
        // While a view hinders the fold it is not merged away.
        points = (257...600).map { point($0, at: Int64($0)) }
        points[20].isVerified = true
        #expect(step(points, retention, pinned: 260) == .merge(cycles: Array(261...277)))
    }

    @Test func daysFollowHours() {
        let retention = Retention(everyCycleSeconds: 3_600, hourlySeconds: 7_200, dailySeconds: 30 * 86_400)
        // One point an hour for three days; the first day is complete.
        let points = (0..<72).map { point(UInt64($0) + 1, at: Int64($0) * 3_600 + 1_800) }
        guard case .merge(let cycles)? = step(points, retention) else {
            Issue.record("nothing is merged")
            return
        }
        let days = Set(cycles.map { (Self.start / 1_000 + (Int64($0) - 1) * 3_600 + 1_800) / 86_400 })
        #expect(days.count == 1)
    }

    @Test func aLongRunIsMergedInGroupsAndThenTheResults() {
        let retention = Retention(everyCycleSeconds: 600, hourlySeconds: 86_400)
        var points = (0..<4_300).map { point(UInt64($0) + 1, at: Int64($0)) }
        var copies: [UInt64: Int] = [:]
        var steps = 0
        var spans = Dictionary(uniqueKeysWithValues: points.map { ($0.cycle, [$0.cycle]) })
        while case .merge(let cycles)? = step(points, retention) {
            #expect(cycles.count <= ReplicaLimits.logsPerMerge)
            let members = cycles.flatMap { spans[$0] ?? [] }
            for member in members { copies[member, default: 0] += 1 }
            spans[cycles[cycles.count - 1]] = members
            points.removeAll { cycles.dropLast().contains($0.cycle) }
            steps += 1
        }
        #expect(points.first?.cycle == 3_600)
        #expect(points.count == 701)
        #expect(steps <= 17)
        #expect(copies.values.max() ?? 0 <= 2)
    }

    @Test func nothingAtOrBelowAPinIsTouchedAndNothingIsFolded() {
        let retention = Retention(everyCycleSeconds: 60)
        let points = (1...1_000).map { point($0, at: Int64($0)) }
        #expect(step(points, retention, pinned: .max) == nil)
        #expect(step(points, retention, pinned: 900) == nil)
        // Whole groups of what is too old are merged meanwhile, so that the journal does not grow without end.
        #expect(step(points, retention, pinned: 10) == .merge(cycles: Array(11...255)))
        let rest = [point(255, at: 255)] + points[255...]
        #expect(step(rest, retention, pinned: 10) == .merge(cycles: Array(256...511)))
    }

    @Test func logsAreNotMergedAcrossAChangeOfDisks() {
        let retention = Retention(everyCycleSeconds: 600, hourlySeconds: 86_400)
        var points = (0..<120).map { point(UInt64($0) + 1, at: Int64($0) * 60) }
        points[20].mergesOntoPrevious = false
        points[21].mergesOntoPrevious = false
        #expect(step(points, retention) == .merge(cycles: Array(1...20)))
        #expect(step([points[19]] + points[20...], retention) == .merge(cycles: Array(22...60)))
    }

    @Test func hoursAreMergedAboveAPin() {
        let retention = Retention(everyCycleSeconds: 600, hourlySeconds: 86_400)
        let points = (0..<120).map { point(UInt64($0) + 1, at: Int64($0) * 60) }
        #expect(step(points, retention, pinned: 25) == .merge(cycles: Array(26...60)))
    }

    /// A month of cycles every 300 s under a policy of three rules: what stays is what the policy promises.
    @Test func aMonthOfCyclesKeepsWhatThePolicyPromises() {
        let retention = Retention(everyCycleSeconds: 7_200, hourlySeconds: 86_400, dailySeconds: 7 * 86_400)
        var points: [Candidate] = []
        var bytesCopied: UInt64 = 0
        let count: UInt64 = 30 * 288
        for cycle in 1...count {
            points.append(point(cycle, at: Int64(cycle) * 300, application: cycle % 50 == 0))
            while let step = step(points, retention) {
                switch step {
                case .fold(let target):
                    bytesCopied += points.filter { $0.cycle <= target }.reduce(0) { $0 + $1.storedBytes }
                    points.removeAll { $0.cycle <= target }
                case .merge(let cycles):
                    let merged = points.filter { cycles.contains($0.cycle) }.reduce(0) { $0 + $1.storedBytes }
                    bytesCopied += merged
                    points.removeAll { cycles.dropLast().contains($0.cycle) }
                    points[points.firstIndex { $0.cycle == cycles[cycles.count - 1] } ?? 0].storedBytes = merged
                }
            }
            let newest = points[points.count - 1].capturedUnixMilliseconds
            #expect(points.last?.cycle == cycle)
            if cycle % 97 == 0 { checkPromises(points, newest: newest) }
        }
        #expect(points.count < 24 + 24 + 40 + 20)
        #expect(bytesCopied <= 4 * count * 1_000)
    }

    private func checkPromises(_ points: [Candidate], newest: Int64) {
        let seconds = points.map { ($0.capturedUnixMilliseconds - Self.start) / 1_000 }
        let now = (newest - Self.start) / 1_000
        // Every cycle for two hours.
        for age in stride(from: Int64(0), through: 7_200, by: 300) where now - age >= 300 {
            #expect(seconds.contains(now - age))
        }
        // Then no gap of more than two hours for a day, and of two days for a week.
        for (older, younger) in zip(seconds, seconds.dropFirst()) {
            if now - older <= 86_400 { #expect(younger - older <= 2 * 3_600) }
            if now - older <= 7 * 86_400 { #expect(younger - older <= 2 * 86_400) }
        }
    }
}
