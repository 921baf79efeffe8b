import FoundationEssentials
import Glibc
import Testing

@testable import Replica

/// A crash at every step. The directory is copied at each failpoint, as a process that ends there leaves it; each copy
/// is then opened as the next start would. Some of the same are done by killing a child process.
@Suite struct ReplicaCrashTests {
    private struct Crash: Error {}

    @Test(arguments: CrashScenario.all)
    func aCrashAtAnyStepLeavesExactlyTheRightPoints(scenario: CrashScenario) throws {
        let copies = DirectoryCopies()
        let fixture = try ReplicaFixture(failpoints: copies.hook)
        try CrashScenario.prepare(fixture)
        copies.begin(copying: fixture.directory)
        try scenario.act(fixture)
        let made = copies.made
        #expect(Set(made.map(\.failpoint)).isSuperset(of: scenario.passes))
        var history = fixture.history
        if history[6] == nil { history[6] = fixture.guest.contents }
        var isPublished = false
        for (failpoint, path) in made {
            isPublished = isPublished || failpoint == scenario.published
            try checkRestart(
                in: path, lists: isPublished ? scenario.after : scenario.before, history: history,
                comment: "\(scenario.name) cut off at \(failpoint.rawValue)")
        }
    }

    /// The owner's next start, and its work going on from there.
    private func checkRestart(
        in directory: String, lists expected: [UInt64], history: [UInt64: [String: [UInt8]]], comment: Comment
    ) throws {
        // A view in another process may be the first to look.
        let view = try ReplicaView.open(directory: directory, cycle: nil)
        #expect(view.point.cycle == expected.last, comment)
        try view.check(against: history[view.point.cycle])
        let replica = try Replica.open(directory: directory)
        defer { replica.close() }
        #expect(replica.points().map(\.cycle) == expected, comment)
        try replica.checkPoints(against: history)
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory + "/incoming").isEmpty, comment)
        #expect(!FileManager.default.fileExists(atPath: directory + "/manifest.new"), comment)
        withExtendedLifetime(view) {
            // The view's lease is known after a restart too.
            _ = #expect(throws: ReplicaError.self) { try replica.fold(upTo: 4) }
        }
    }

    @Test(arguments: CrashScenario.all)
    func theWorkIsDoneAgainAfterARestart(scenario: CrashScenario) throws {
        for failpoint in scenario.passes {
            let fixture = try ReplicaFixture()
            try CrashScenario.prepare(fixture)
            let history = fixture.history
            try fixture.reopen(failpoints: FailpointHook { if $0 == failpoint { throw Crash() } })
            #expect(throws: (any Error).self) { try scenario.act(fixture) }
            // A failure that is not a crash leaves the open replica right, or unwilling.
            do {
                #expect(try fixture.replica.describe().newestCycle >= 5)
                try fixture.replica.checkPoints(against: history.merging([6: fixture.guest.contents]) { $1 })
            } catch let error as ReplicaError {
                #expect(error.code == .needsReopen)
            }
            try fixture.reopen()
            let newest = fixture.replica.points().last?.cycle
            if newest == 6 { fixture.noteCommitted(6) }
            _ = try fixture.replica.maintain(Retention(everyCycleSeconds: 1_000_000), nowUnixMilliseconds: 0)
            CrashScenario.writeMore(fixture)
            var opening = fixture.opening(fixture.newest + 2, kind: .incremental, generation: 2)
            opening.parentCycle = fixture.newest
            let open = try fixture.replica.openCycle(opening)
            try fixture.send(open, kind: .incremental)
            _ = try fixture.replica.commit(cycle: open.cycle, generation: 2, attempts: [1, 3])
            fixture.noteCommitted(open.cycle)
            try fixture.checkPoints()
            try fixture.replica.fold(upTo: fixture.newest)
            try fixture.checkPoints()
        }
    }

    @Test func anInterruptedCreationIsDoneAgain() throws {
        for failpoint in CrashPlaces.ofCreation {
            let parent = ReplicaFixture.uniqueParent()
            try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: false)
            #expect(throws: Crash.self) {
                try Replica.create(
                    directory: parent + "/replica", identity: ReplicaFixture.identity, generation: 1,
                    failpoints: FailpointHook { if $0 == failpoint { throw Crash() } })
            }
            #expect(!Replica.exists(in: parent + "/replica"))
            #expect(throws: ReplicaError.self) { try Replica.open(directory: parent + "/replica") }
            try FileManager.default.removeItem(atPath: parent)
        }
        let fixture = try ReplicaFixture()
        try CrashScenario.prepare(fixture)
        try fixture.checkPoints()
    }

    /// The answer is lost, and whoever asked finds it made.
    @Test(arguments: CrashPlaces.ofCreationThatIsDone)
    func aCreationWithAManifestIsOne(failpoint: Failpoint) throws {
        let parent = ReplicaFixture.uniqueParent()
        try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: false)
        let directory = parent + "/replica"
        #expect(throws: Crash.self) {
            try Replica.create(
                directory: directory, identity: ReplicaFixture.identity, generation: 3,
                failpoints: FailpointHook { if $0 == failpoint { throw Crash() } })
        }
        #expect(
            code { try Replica.create(directory: directory, identity: ReplicaFixture.identity, generation: 3) }
                == .alreadyExists)
        let replica = try Replica.open(directory: directory)
        let description = try replica.describe()
        #expect(description.generation == 3 && description.newestCycle == 0 && replica.points().isEmpty)
        replica.close()
        try FileManager.default.removeItem(atPath: parent)
    }

    /// A new failpoint is of use only with a crash test that stops there.
    @Test func everyFailpointIsStoppedAtSomewhere() {
        #expect(CrashPlaces.all == Set(Failpoint.allCases))
    }

    @Test func aManifestIsNotMadeAnewBesideLogs() throws {
        let fixture = try ReplicaFixture()
        try CrashScenario.prepare(fixture)
        fixture.replica.close()
        try FileManager.default.removeItem(atPath: fixture.directory + "/manifest")
        #expect(throws: ReplicaError.self) {
            try Replica.create(directory: fixture.directory, identity: ReplicaFixture.identity, generation: 1)
        }
        #expect(try fixture.files("journal").count == 5)
    }

    @Test func anInterruptedDeletionIsFinished() throws {
        for failpoint in CrashPlaces.ofDeletion {
            let fixture = try ReplicaFixture(failpoints: FailpointHook { if $0 == failpoint { throw Crash() } })
            try CrashScenario.prepare(fixture)
            #expect(throws: (any Error).self) { try fixture.replica.delete() }
            #expect(!Replica.exists(in: fixture.directory))
            #expect(try !fixture.files("..").isEmpty)
            try Replica.clearDeleted(in: fixture.parent)
            #expect(try fixture.files("..").isEmpty)
        }
    }

    // MARK: Killing a child

    /// The child makes the same replica and kills itself at a failpoint: no destructor runs, no buffer is flushed.
    @Test(arguments: [
        ("commit", Failpoint.cycleOpened), ("commit", .commitFinished), ("commit", .commitRenamed),
        ("fold", .manifestRenamed), ("fold", .foldDiskWritten), ("fold", .foldSynced), ("fold", .foldSettled),
        ("merge", .mergeWritten), ("merge", .mergeRenamed), ("merge", .leftoverRemoved),
    ])
    func aKilledOwnerLeavesExactlyTheRightPoints(name: String, failpoint: Failpoint) async throws {
        let parent = ReplicaFixture.uniqueParent()
        let failpointName = failpoint.rawValue
        await #expect(processExitsWith: .signal(SIGKILL)) {
            [parent = parent as String, name = name as String, failpointName = failpointName as String] in
            let death = ArmedKill(at: failpointName)
            let fixture = try ReplicaFixture(parent: parent, failpoints: death.hook)
            try CrashScenario.prepare(fixture)
            death.arm()
            try CrashScenario.all.first { $0.name == name }?.act(fixture)
        }
        let scenario = try #require(CrashScenario.all.first { $0.name == name })
        let twin = try ReplicaFixture()
        try CrashScenario.prepare(twin)
        var history = twin.history
        CrashScenario.writeMore(twin)
        history[6] = twin.guest.contents
        let order: [Failpoint] = [
            .commitRenamed, .commitSynced, .manifestRenamed, .foldStarted, .foldDiskWritten, .foldWritten, .foldSynced,
            .foldSettled, .mergeRenamed, .mergeSynced, .leftoverRemoved,
        ]
        try checkRestart(
            in: parent + "/replica", lists: order.contains(failpoint) ? scenario.after : scenario.before,
            history: history, comment: "\(name) killed at \(failpointName)")
        try FileManager.default.removeItem(atPath: parent)
    }
}
