import FoundationEssentials
import Repeatable
import Synchronization
import Testing

@testable import Replica

/// Views from this and from other processes beside an owner that works on.
@Suite struct ReplicaViewTests {
    private let everything = Retention(everyCycleSeconds: 0)

    private func prepared() throws -> ReplicaFixture {
        let fixture = try ReplicaFixture()
        fixture.intervalMilliseconds = 400_000
        try CrashScenario.prepare(fixture)
        return fixture
    }

    private func isInUse(_ body: () throws -> Void) -> Bool {
        do { try body() } catch let error as ReplicaError { return error.code == .inUse } catch {
            Issue.record("not a ReplicaError: \(error)")
        }
        return false
    }

    @Test func aViewOfAnotherProcessHoldsWhatItReads() throws {
        let fixture = try prepared()
        var view: ReplicaView? = try ReplicaView.open(directory: fixture.directory, cycle: 3)
        #expect(isInUse { try fixture.replica.fold(upTo: 5) })
        #expect(isInUse { try fixture.replica.merge([3, 4]) })
        #expect(isInUse { try fixture.replica.delete() })
        try fixture.replica.merge([4, 5])
        #expect(try fixture.replica.maintain(everything, nowUnixMilliseconds: .max).isEmpty)
        try fixture.cycle()
        #expect(fixture.replica.points().map(\.cycle) == [1, 2, 3, 5, 6])
        try view?.check(against: fixture.history[3])
        view = nil
        #expect(try !fixture.replica.maintain(everything, nowUnixMilliseconds: .max).isEmpty)
        #expect(fixture.replica.points().map(\.cycle) == [5, 6])
        #expect(try fixture.files("leases") == ["gate"])
    }

    @Test func aViewOfThisProcessHoldsWhatItReads() throws {
        let fixture = try prepared()
        var view: ReplicaView? = try fixture.replica.view(cycle: 3)
        #expect(isInUse { try fixture.replica.fold(upTo: 5) })
        #expect(isInUse { try fixture.replica.merge([2, 3]) })
        #expect(isInUse { try fixture.replica.delete() })
        try fixture.replica.merge([4, 5])
        try view?.check(against: fixture.history[3])
        view = nil
        try fixture.replica.fold(upTo: 5)
        try fixture.checkPoints()
    }

    /// A view that is opened while a fold goes on reads logs that the fold is about to make superfluous.
    @Test func aViewOpenedDuringAFoldKeepsItsLogs() throws {
        let opened = OpenedViews()
        let fixture = try prepared()
        try fixture.reopen(
            failpoints: FailpointHook { [directory = fixture.directory] failpoint in
                guard failpoint == .foldDiskWritten || failpoint == .foldSynced else { return }
                opened.add(try ReplicaView.open(directory: directory, cycle: 3))
                opened.add(try ReplicaView.open(directory: directory, cycle: nil))
                #expect(throws: ReplicaError.self) { try ReplicaView.open(directory: directory, cycle: 2) }
            })
        try fixture.replica.fold(upTo: 3)
        #expect(try fixture.files("journal").count == 5)
        for view in opened.taken() { try view.check(against: fixture.history[view.point.cycle]) }
        try fixture.checkPoints()
        _ = try fixture.replica.maintain(Retention(everyCycleSeconds: 10_000_000), nowUnixMilliseconds: 0)
        #expect(try fixture.files("journal").count == 2)
        try fixture.checkPoints()
    }

    @Test func aViewWorksWithoutItsOwner() throws {
        let fixture = try prepared()
        fixture.replica.close()
        for cycle in 1...5 as ClosedRange<UInt64> {
            try ReplicaView.open(directory: fixture.directory, cycle: cycle).check(against: fixture.history[cycle])
        }
        try fixture.reopen()
    }

    @Test func aLeaseOfAProcessThatIsGoneIsCleared() throws {
        let fixture = try prepared()
        try Data("3\n".utf8).write(to: URL(fileURLWithPath: fixture.directory + "/leases/4711-1"))
        try fixture.replica.fold(upTo: 5)
        #expect(try fixture.files("leases") == ["gate"])
    }

    @Test func aPointThatIsNotHeldIsRefusedWithWhatIsHeld() throws {
        let fixture = try prepared()
        try fixture.replica.fold(upTo: 2)
        for cycle in [0, 1, 6, 99] as [UInt64] {
            do {
                _ = try ReplicaView.open(directory: fixture.directory, cycle: cycle)
                Issue.record("a view of cycle \(cycle)")
            } catch let error as ReplicaError {
                #expect(error.code == .notFound)
                #expect(error.facts["oldest"] == "2")
                #expect(error.facts["newest"] == "5")
            }
            #expect(throws: ReplicaError.self) { try fixture.replica.view(cycle: cycle) }
        }
        #expect(throws: ReplicaError.self) { try ReplicaView.open(directory: fixture.parent, cycle: nil) }
        #expect(try fixture.files("leases") == ["gate"])
    }

    @Test func rangesBeyondTheDiskAreRefused() throws {
        let fixture = try prepared()
        let disk = try #require(try fixture.replica.view().disk("vda"))
        let size = disk.sizeBytes
        for range in [0..<size + 1, size..<size + 512, UInt64.max - 1..<UInt64.max] {
            #expect(throws: ReplicaError.self) { try disk.bytes(in: range) }
            #expect(throws: ReplicaError.self) { try disk.forEachStretch(in: range) { _, _ in } }
        }
        #expect(try disk.bytes(in: disk.sizeBytes..<disk.sizeBytes).isEmpty)
    }

    @Test func readsOfAnyAlignmentAgree() throws {
        let fixture = try prepared()
        try fixture.replica.fold(upTo: 2)
        let disk = try #require(try fixture.replica.view().disk("vda"))
        let whole = try #require(fixture.history[5]?["vda"])
        var random = SeededRandom(seed: 5)
        for _ in 0..<200 {
            let start = Int.random(in: 0..<whole.count, using: &random)
            let end = min(whole.count, start + Int.random(in: 1...30_000, using: &random))
            let isEqual = try disk.bytes(in: UInt64(start)..<UInt64(end)) == Array(whole[start..<end])
            #expect(isEqual, "\(start)..<\(end)")
        }
    }

    @Test func hashesOfARangeAreBounded() throws {
        let fixture = try prepared()
        let disk = try fixture.replica.view().disk("vda")
        #expect(throws: ReplicaError.self) { try BlockHashes.compute(disk: disk, range: 0..<(64 << 20) + 1) }
        #expect(throws: ReplicaError.self) { try BlockHashes.compute(disk: disk, range: 4_096..<8_192) }
        let beyond = try BlockHashes.compute(disk: disk, range: 1 << 30..<(1 << 30) + (64 << 20))
        #expect(beyond == [UInt8](repeating: 0, count: 1_024 * 16))
        #expect(try BlockHashes.compute(disk: nil, range: 0..<65_537) == [UInt8](repeating: 0, count: 32))
    }
}

/// Views that a failpoint opened.
private final class OpenedViews: Sendable {
    private let views = Mutex<[ReplicaView]>([])

    func add(_ view: ReplicaView) { views.withLock { $0.append(view) } }

    func taken() -> [ReplicaView] {
        views.withLock { views in
            defer { views = [] }
            return views
        }
    }
}
