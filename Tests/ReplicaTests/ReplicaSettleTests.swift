import DeltaLog
import Testing

@testable import Replica

/// Committing to a point: what came after it goes, and the base is brought to it, whatever dies.
@Suite struct ReplicaSettleTests {
    private struct Crash: Error {}

    private func prepared(failpoints: FailpointHook = .none) throws -> ReplicaFixture {
        let fixture = try ReplicaFixture(failpoints: failpoints)
        try CrashScenario.prepare(fixture)
        return fixture
    }

    /// The next cycle is made upon the point, by comparison, because the guest went back to it.
    private func goOn(_ fixture: ReplicaFixture, from cycle: UInt64, as next: UInt64) throws {
        fixture.returnToPoint(cycle, guest: fixture.guest)
        try fixture.cycle(next, kind: .compare)
        try fixture.checkPoints()
    }

    @Test(arguments: [1, 3, 5] as [UInt64])
    func onlyThePointIsLeft(cycle: UInt64) throws {
        let fixture = try prepared()
        _ = try fixture.replica.openCycle(fixture.opening(6, kind: .incremental))
        var seen: [FoldProgress] = []
        try fixture.replica.settle(on: cycle) { seen.append($0) }
        #expect(fixture.replica.points().map(\.cycle) == [cycle])
        #expect(try fixture.replica.describe().baseCycle == cycle)
        #expect(fixture.replica.settlingCycle == nil)
        #expect(fixture.replica.openCycle == nil)
        #expect(try fixture.files("journal").isEmpty)
        #expect(try fixture.files("incoming").isEmpty)
        #expect(seen.first?.doneBytes == 0)
        #expect(seen.last.map { $0.doneBytes == $0.totalBytes && $0.totalBytes > 0 } == true)
        #expect(zip(seen, seen.dropFirst()).allSatisfy { $0.doneBytes <= $1.doneBytes })
        try fixture.replica.checkPoints(against: fixture.history)
        try fixture.replica.settle(on: cycle) { _ in Issue.record("there is nothing to do") }
        try fixture.reopen()
        try fixture.replica.checkPoints(against: fixture.history)
        try goOn(fixture, from: cycle, as: 9)
    }

    /// Whoever finishes it does not know whether somebody else did, and a cycle came since.
    @Test func finishingDropsNothingThatCameLater() throws {
        let fixture = try prepared(failpoints: FailpointHook { if $0 == .settleAnnounced { throw Crash() } })
        #expect(throws: Crash.self) { try fixture.replica.settle(on: 3) }
        try fixture.reopen()
        #expect(fixture.replica.unfinishedSettling == 3)
        try fixture.replica.finishSettling()
        #expect(fixture.replica.unfinishedSettling == nil)
        #expect(fixture.replica.points().map(\.cycle) == [3])
        #expect(try fixture.files("journal").isEmpty)
        try goOn(fixture, from: 3, as: 6)
        try fixture.replica.finishSettling()
        #expect(fixture.replica.points().map(\.cycle) == [3, 6])
        try fixture.checkPoints()
    }

    @Test func settlingOnTheBaseDropsTheJournal() throws {
        let fixture = try prepared()
        try fixture.replica.fold(upTo: 2)
        try fixture.replica.settle(on: 2)
        #expect(fixture.replica.points().map(\.cycle) == [2])
        #expect(try fixture.files("journal").isEmpty)
        try fixture.replica.checkPoints(against: fixture.history)
        try goOn(fixture, from: 2, as: 6)
    }

    @Test func whatCannotBeSettledOnChangesNothing() throws {
        let fixture = try prepared()
        #expect(code { try fixture.replica.settle(on: 9) } == .notFound)
        var view: ReplicaView? = try fixture.replica.view(cycle: 4)
        #expect(code { try fixture.replica.settle(on: 3) } == .inUse)
        #expect(code { try fixture.replica.settle(on: 5) } == .inUse)
        view = nil
        view = try ReplicaView.open(directory: fixture.directory, cycle: 4)
        #expect(code { try fixture.replica.settle(on: 3) } == .inUse)
        withExtendedLifetime(view) {}
        view = nil
        try fixture.replica.markRunning(from: 4)
        #expect(code { try fixture.replica.settle(on: 3) } == .inUse)
        try fixture.checkPoints()
        #expect(fixture.replica.points().count == 5)
        try fixture.replica.settle(on: 4)
        #expect(fixture.replica.runningCycle == 4)
        try fixture.replica.checkPoints(against: fixture.history)
    }

    /// A view that was opened before reads the same bytes during the fold and after it, while its logs are there.
    @Test(arguments: [false, true])
    func aViewOfThePointReadsItsBytesThroughout(isOfAnotherProcess: Bool) throws {
        let hook = CallableHook()
        let fixture = try prepared(failpoints: hook.hook)
        let directory = fixture.directory
        var view: ReplicaView? =
            try isOfAnotherProcess
            ? ReplicaView.open(directory: directory, cycle: 3) : fixture.replica.view(cycle: 3)
        let contents = fixture.history[3]
        let opened = try #require(view)
        var checks = 0
        // Elsewhere the owner holds the gate, and a new view waits for it.
        let open: Set<Failpoint> = [
            .settleLogsRemoved, .foldStarted, .foldDiskWritten, .foldWritten, .foldSynced, .foldSettled,
        ]
        try hook.calling { failpoint in
            checks += 1
            try opened.check(against: contents)
            guard open.contains(failpoint) else { return }
            // One that is opened in the middle of it reads the same.
            try ReplicaView.open(directory: directory, cycle: 3).check(against: contents)
        } during: {
            try fixture.replica.settle(on: 3)
        }
        #expect(checks > 8)
        try opened.check(against: contents)
        #expect(fixture.replica.points().map(\.cycle) == [3])
        #expect(try fixture.files("journal").sorted() == (1...3).map { ReplicaLayout.logName($0) })
        _ = try fixture.replica.maintain(Retention(everyCycleSeconds: 0), nowUnixMilliseconds: .max)
        #expect(try fixture.files("journal").count == 3)
        try opened.check(against: contents)
        view = nil
        _ = consume opened
        _ = try fixture.replica.maintain(Retention(everyCycleSeconds: 0), nowUnixMilliseconds: .max)
        #expect(try fixture.files("journal").isEmpty)
        try fixture.replica.checkPoints(against: fixture.history)
    }

    /// The directory as a crash at each step leaves it.
    @Test func aCrashAtAnyStepIsMadeGood() throws {
        let copies = DirectoryCopies()
        let fixture = try prepared(failpoints: copies.hook)
        try fixture.replica.fold(upTo: 2)
        copies.begin(copying: fixture.directory)
        try fixture.replica.settle(on: 3)
        let made = copies.made
        let passed = Set(made.map(\.failpoint))
        #expect(
            passed.isSuperset(of: [
                .manifestWritten, .manifestRenamed, .settleAnnounced, .leftoverRemoved, .settleLogsRemoved,
                .foldStarted, .foldDiskWritten, .foldWritten, .foldSynced, .foldSettled,
            ]))
        // Listed before the mark, with it, and from the beginning of the fold on.
        let stages: [[UInt64]] = [[2, 3, 4, 5], [2, 3], [3]]
        var stage = 0
        for (failpoint, path) in made {
            if failpoint == .manifestRenamed, stage < 2 { stage += 1 }
            let comment: Comment = "cut off at \(failpoint.rawValue), \(path)"
            #expect(try ReplicaView.points(in: path).map(\.cycle) == stages[stage], comment)
            let replica = try Replica.open(directory: path)
            #expect(replica.points().map(\.cycle) == stages[stage], comment)
            try replica.checkPoints(against: fixture.history)
            if stage > 0, replica.settlingCycle != nil {
                #expect(code { try replica.openCycle(fixture.opening(6, kind: .compare)) } != nil, comment)
                #expect(code { try replica.settle(on: 2) } == .inUse || stage == 2, comment)
            }
            // Either the same is asked again, or maintenance comes first.
            if stage > 0, failpoint != .leftoverRemoved {
                _ = try replica.maintain(Retention(everyCycleSeconds: 1_000_000), nowUnixMilliseconds: 0)
                #expect(replica.points().map(\.cycle) == [3], comment)
            }
            try replica.settle(on: 3)
            #expect(replica.points().map(\.cycle) == [3], comment)
            #expect(replica.settlingCycle == nil, comment)
            try replica.checkPoints(against: fixture.history)
            #expect(try replica.scrub().faultCount == 0, comment)
            replica.close()
            #expect(try ReplicaView.points(in: path).map(\.cycle) == [3], comment)
        }
    }

    /// A failure at each step, and the owner's next start.
    @Test(
        arguments: CrashPlaces.ofSettling + [
            .foldStarted, .foldDiskWritten, .foldWritten, .foldSynced, .foldSettled,
        ])
    func itIsTakenUpAfterAFailure(failpoint: Failpoint) throws {
        let fixture = try prepared()
        try fixture.reopen(failpoints: FailpointHook { if $0 == failpoint { throw Crash() } })
        #expect(throws: (any Error).self) { try fixture.replica.settle(on: 3) }
        try fixture.reopen()
        try fixture.replica.settle(on: 3)
        #expect(fixture.replica.points().map(\.cycle) == [3])
        #expect(try fixture.files("journal").isEmpty)
        try goOn(fixture, from: 3, as: 6)
    }

    @Test func anInterruptedFoldIsFinishedFirst() throws {
        let fixture = try prepared()
        try fixture.reopen(failpoints: FailpointHook { if $0 == .foldDiskWritten { throw Crash() } })
        #expect(throws: (any Error).self) { try fixture.replica.fold(upTo: 2) }
        try fixture.reopen()
        #expect(code { try fixture.replica.settle(on: 1) } == .notFound)
        try fixture.replica.settle(on: 4)
        #expect(fixture.replica.points().map(\.cycle) == [4])
        try goOn(fixture, from: 4, as: 6)
    }

    /// It can be stopped by its progress, as an agent does that has to end.
    @Test func itCanBeStopped() throws {
        let fixture = try prepared()
        #expect(throws: Crash.self) {
            try fixture.replica.settle(on: 5) { if $0.doneBytes > 0 { throw Crash() } }
        }
        #expect(fixture.replica.settlingCycle == 5)
        try fixture.replica.checkPoints(against: fixture.history)
        #expect(code { try fixture.replica.openCycle(fixture.opening(6, kind: .incremental)) } == .inUse)
        try fixture.replica.settle(on: 5)
        try fixture.cycle()
        try fixture.checkPoints()
    }

    /// Damaged logs after the point are dropped with the others.
    @Test func damagedLogsAfterThePointGo() throws {
        let fixture = try prepared()
        try DurableFiles.write([1, 2, 3], to: fixture.directory + "/journal/" + ReplicaLayout.logName(4))
        try fixture.reopen()
        #expect(try fixture.replica.describe().faults.count == 2)
        try fixture.replica.settle(on: 3)
        #expect(try fixture.replica.describe().faults.isEmpty)
        try goOn(fixture, from: 3, as: 6)
    }
}
