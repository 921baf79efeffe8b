import DeltaLog
import FoundationEssentials
import Testing

@testable import Replica

/// Damaged logs that are set aside, so that replication goes on.
@Suite struct ReplicaDamageTests {
    private struct Crash: Error {}

    /// Five cycles, each of which writes to the same block and to one of its own.
    private func prepared(failpoints: FailpointHook = .none) throws -> ReplicaFixture {
        let fixture = try ReplicaFixture(failpoints: failpoints)
        fixture.guest.add("vda", blocks: 40)
        fixture.guest.add("vdb", blocks: 8)
        for cycle in 1...5 {
            fixture.guest.fill(0, blocks: cycle * 2..<cycle * 2 + 3, with: UInt8(cycle))
            fixture.guest.fill(1, blocks: 0..<1, with: UInt8(cycle))
            try fixture.cycle()
        }
        return fixture
    }

    /// Alters a byte of every record that counts; header and trailer stay sound.
    private func damage(_ cycle: UInt64, of fixture: ReplicaFixture) throws {
        let path = fixture.directory + "/journal/" + ReplicaLayout.logName(cycle)
        var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        let records = try DeltaLogReader(path: path, replicaKey: fixture.replica.replicaKey).extents
        for record in records where !record.isZero {
            bytes[Int(record.position) + Int(record.payloadBytes)] ^= 1
        }
        try bytes.write(to: URL(fileURLWithPath: path))
    }

    private func foldThatIsCutOff(upTo cycle: UInt64, _ fixture: ReplicaFixture) throws {
        try fixture.reopen(failpoints: FailpointHook { if $0 == .foldDiskWritten { throw Crash() } })
        #expect(throws: (any Error).self) { try fixture.replica.fold(upTo: cycle) }
        try fixture.reopen()
    }

    @Test func aLogThatOnlyAScrubFindsIsSetAsideWithThoseThatRestOnIt() throws {
        let fixture = try prepared()
        try damage(4, of: fixture)
        #expect(code { try fixture.cycle(kind: .compare) } == .corruptData)
        let report = try fixture.replica.scrub()
        #expect(report.firstDamagedCycle == 4 && report.faults.allSatisfy { $0.hasPrefix("0000000004.hrl") })
        #expect(try fixture.replica.setDamagedLogsAside(from: 4) == ["0000000004.hrl", "0000000005.hrl"])
        #expect(try fixture.files("damaged").sorted() == ["0000000004.hrl", "0000000005.hrl"])
        fixture.returnToPoint(3, guest: fixture.guest)
        try fixture.checkPoints()
        try fixture.reopen()
        try fixture.cycle(6, kind: .compare)
        #expect(fixture.replica.points().map(\.cycle) == [1, 2, 3, 6])
        try fixture.checkPoints()
        #expect(try fixture.replica.scrub().faultCount == 0)
    }

    @Test func nothingThatIsNeededIsTakenAway() throws {
        let fixture = try prepared()
        try damage(4, of: fixture)
        let view = try fixture.replica.view(cycle: 5)
        #expect(code { try fixture.replica.setDamagedLogsAside(from: 4) } == .inUse)
        #expect(try fixture.files("journal").count == 5)
        withExtendedLifetime(view) {}
    }

    @Test func aGuestThatRunsKeepsItsLogs() throws {
        let fixture = try prepared()
        try damage(4, of: fixture)
        try fixture.replica.markRunning(from: 2)
        #expect(code { try fixture.replica.setDamagedLogsAside(from: 4) } == .inUse)
        #expect(try fixture.files("journal").count == 5)
        try fixture.replica.stopRunning()
        let view = try ReplicaView.open(directory: fixture.directory, cycle: 3)
        #expect(try fixture.replica.setDamagedLogsAside(from: 4).count == 2)
        try view.check(against: fixture.history[3])
    }

    /// Only the first faults are told, and those of logs that cannot even be listed are the most.
    @Test func theOldestDamagedLogIsToldFirst() throws {
        let fixture = try prepared()
        try Data([1]).write(to: URL(fileURLWithPath: fixture.directory + "/journal/0000000004.hrl"))
        try fixture.reopen()
        try damage(2, of: fixture)
        let faults = try fixture.replica.scrub().faults
        #expect(faults.map { $0.prefix(10) } == ["0000000002", "0000000004", "0000000005"])
    }

    // MARK: A fold that cannot be finished

    @Test(arguments: [0, 2] as [UInt64], [false, true])
    func aBaseThatCannotBecomeAPointIsComparedWith(held: UInt64, isGone: Bool) throws {
        let fixture = try prepared()
        if held > 0 { try fixture.replica.fold(upTo: held) }
        try foldThatIsCutOff(upTo: 4, fixture)
        if isGone {
            // As when somebody moved them by hand.
            for cycle in 3...5 as ClosedRange<UInt64> {
                try FileManager.default.removeItem(
                    atPath: fixture.directory + "/journal/" + ReplicaLayout.logName(cycle))
            }
            try fixture.reopen()
        } else {
            try damage(3, of: fixture)
        }
        #expect(throws: ReplicaError.self) { try fixture.replica.fold(upTo: 4) }
        let report = try fixture.replica.scrub()
        #expect(report.firstDamagedCycle == (isGone ? 4 : 3) && report.faults.contains { $0.hasPrefix("base:") })
        let names = try fixture.replica.setDamagedLogsAside(from: report.firstDamagedCycle)
        #expect(names == (held + 1..<(isGone ? 3 : 6)).map(ReplicaLayout.logName))

        for _ in 1...2 {
            #expect(fixture.replica.points().isEmpty)
            let description = try fixture.replica.describe()
            #expect(description.newestCycle == held && description.isDiverged == (held > 0))
            #expect(try fixture.files("journal").isEmpty)
            try fixture.reopen()
        }
        fixture.returnToPoint(held, guest: fixture.guest)
        fixture.forgetPoints()
        if held > 0 { #expect(code { try fixture.cycle(6, kind: .incremental) } == .wrongParent) }
        try fixture.cycle(6, kind: held > 0 ? .compare : .full)
        #expect(fixture.replica.points().map(\.cycle) == [6])
        try fixture.checkPoints()
        try fixture.replica.fold(upTo: 6)
        try fixture.reopen()
        try fixture.checkPoints()
        #expect(try fixture.replica.scrub().faultCount == 0)
    }

    @Test func aFoldThatNeedsNoDamagedLogGoesOn() throws {
        let fixture = try prepared()
        try foldThatIsCutOff(upTo: 2, fixture)
        try damage(4, of: fixture)
        #expect(try fixture.replica.setDamagedLogsAside(from: 4).count == 2)
        fixture.returnToPoint(3, guest: fixture.guest)
        #expect(fixture.replica.points().map(\.cycle) == [2, 3])
        try fixture.replica.fold(upTo: 2)
        try fixture.checkPoints()
    }

    /// The same point had diverged before, in known places; now the fold was everywhere.
    @Test(.enabled(if: GuestImages.missing.isEmpty)) func whereItDivergedBeforeIsNotBelieved() throws {
        let fixture = try ReplicaFixture(
            adopting: .written, in: .chainWithBitmaps, isDiverged: true, divergence: .within(["vda": [], "vdb": []]))
        fixture.guest.fill(0, blocks: 20..<60, with: 3)
        try fixture.cycle(8, kind: .incremental)
        try foldThatIsCutOff(upTo: 8, fixture)
        try damage(8, of: fixture)
        #expect(try fixture.replica.setDamagedLogsAside(from: 8) == ["0000000008.hrl"])
        try fixture.reopen()
        fixture.returnToPoint(7, guest: fixture.guest)
        fixture.forgetPoints()
        #expect(code { try fixture.cycle(9, kind: .incremental) } == .wrongParent)
        try fixture.cycle(9, kind: .compare)
        try fixture.checkPoints()
    }

    // MARK: Crashes

    @Test(arguments: CrashPlaces.ofSettingAside, [false, true])
    func cutOffItIsDoneByTheNextAttempt(failpoint: Failpoint, isFolding: Bool) throws {
        let fixture = try prepared()
        if isFolding { try foldThatIsCutOff(upTo: 4, fixture) }
        try damage(4, of: fixture)
        try fixture.reopen(failpoints: FailpointHook { if $0 == failpoint { throw Crash() } })
        let isReached = failpoint == .logSetAside || isFolding
        if isReached {
            #expect(throws: (any Error).self) { try fixture.replica.setDamagedLogsAside(from: 4) }
        } else {
            _ = try fixture.replica.setDamagedLogsAside(from: 4)
        }
        try fixture.reopen()
        if let first = try fixture.replica.scrub().firstDamagedCycle {
            _ = try fixture.replica.setDamagedLogsAside(from: first)
        }
        #expect(try fixture.replica.scrub().faultCount == 0)
        fixture.returnToPoint(isFolding ? 0 : 3, guest: fixture.guest)
        try fixture.cycle(6, kind: isFolding ? .full : .compare)
        #expect(fixture.replica.points().map(\.cycle) == (isFolding ? [6] : [1, 2, 3, 6]))
        try fixture.checkPoints()
        #expect(try fixture.files("damaged").contains("0000000005.hrl"))
    }
}
