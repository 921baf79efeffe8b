import DeltaLog
import Repeatable
import Replica
import Testing

@Suite struct ReplicaRetentionTests {
    /// One disk, `count` cycles of small writes.
    private func prepared(_ count: Int, interval: Int64 = 1_000) throws -> ReplicaFixture {
        let fixture = try ReplicaFixture()
        fixture.intervalMilliseconds = interval
        fixture.guest.add("vda", blocks: 80)
        var random = SeededRandom(seed: 3)
        for _ in 0..<count {
            fixture.guest.write(3, using: &random)
            try fixture.cycle()
        }
        return fixture
    }

    @Test func aFoldMakesTheBaseThePoint() throws {
        let fixture = try prepared(6)
        try fixture.replica.fold(upTo: 4)
        #expect(fixture.replica.points().map(\.cycle) == [4, 5, 6])
        #expect(fixture.replica.points().map { $0.storedBytes == 0 } == [true, false, false])
        #expect(try fixture.files("journal").sorted() == ["0000000005.hrl", "0000000006.hrl"])
        try fixture.checkPoints()
        try fixture.reopen()
        #expect(try fixture.replica.describe().baseCycle == 4)
        try fixture.checkPoints()
        try fixture.replica.fold(upTo: 4)
        try fixture.replica.fold(upTo: 6)
        try fixture.checkPoints()
        #expect(try fixture.files("journal").isEmpty)
        fixture.guest.fill(0, blocks: 0..<3, with: 0)
        try fixture.cycle()
        try fixture.checkPoints()
        #expect(throws: ReplicaError.self) { try fixture.replica.fold(upTo: 3) }
    }

    @Test func aMergeKeepsTheLastOfItsPoints() throws {
        let fixture = try prepared(8)
        try fixture.replica.merge([2, 3, 4])
        #expect(fixture.replica.points().map(\.cycle) == [1, 4, 5, 6, 7, 8])
        try fixture.checkPoints()
        try fixture.replica.merge([7, 8])
        try fixture.replica.merge([1, 4])
        try fixture.checkPoints()
        try fixture.reopen()
        #expect(fixture.replica.points().map(\.cycle) == [4, 5, 6, 8])
        try fixture.checkPoints()
        for wrong in [[], [4], [4, 6], [5, 4], [1, 4], [3, 4]] as [[UInt64]] {
            #expect(throws: ReplicaError.self) { try fixture.replica.merge(wrong) }
        }
        try fixture.checkPoints()
        fixture.guest.fill(0, blocks: 7..<9, with: 77)
        try fixture.cycle()
        try fixture.replica.fold(upTo: 8)
        try fixture.checkPoints()
    }

    @Test func maintenanceKeepsWhatThePolicyWants() throws {
        let fixture = try prepared(90, interval: 60_000)
        let retention = Retention(everyCycleSeconds: 600, hourlySeconds: 3_600)
        let steps = try fixture.replica.maintain(retention, nowUnixMilliseconds: .max)
        #expect(!steps.isEmpty)
        // The base holds the newest of those that are more than an hour old; the first hour ended with cycle 46, the
        // second has not ended.
        #expect(fixture.replica.points().map(\.cycle) == [29] + (46...90).map { $0 })
        #expect(try fixture.replica.maintain(retention, nowUnixMilliseconds: .max).isEmpty)
        try fixture.checkPoints()
        try fixture.reopen()
        try fixture.checkPoints()
    }

    @Test func maintenanceStopsWhenItIsTold() throws {
        let fixture = try prepared(40, interval: 60_000)
        let retention = Retention(everyCycleSeconds: 60)
        #expect(try fixture.replica.maintain(retention, nowUnixMilliseconds: .max) { false }.isEmpty)
        #expect(fixture.replica.points().count == 40)
    }

    @Test func logsOfDifferentDisksAreKeptApart() throws {
        let fixture = try prepared(5, interval: 60_000)
        fixture.guest.add("vdb", blocks: 9)
        try fixture.cycle(kind: .compare)
        fixture.guest.remove("vda")
        fixture.guest.fill(0, blocks: 1..<3, with: 9)
        try fixture.cycle(kind: .full)
        for _ in 0..<100 { try fixture.cycle() }
        _ = try fixture.replica.maintain(
            Retention(everyCycleSeconds: 60, hourlySeconds: 100_000), nowUnixMilliseconds: .max)
        // The first hour's logs are one, but for where the disks changed.
        #expect(fixture.replica.points().map(\.cycle) == [6] + (46...107).map { $0 })
        try fixture.checkPoints()
    }

    @Test func aHoleInTheBaseGivesItsSpaceBack() throws {
        let fixture = try ReplicaFixture()
        fixture.guest.add("vda", blocks: 512)
        fixture.guest.fill(0, blocks: 0..<512, with: 5)
        try fixture.cycle()
        try fixture.replica.fold(upTo: 1)
        let full = try fixture.replica.describe().baseBytes
        #expect(full >= 2 << 20)
        fixture.guest.fill(0, blocks: 100..<500, with: 0)
        try fixture.cycle()
        try fixture.replica.fold(upTo: 2)
        #expect(try fixture.replica.describe().baseBytes < full / 2)
        try fixture.checkPoints()
    }
}
