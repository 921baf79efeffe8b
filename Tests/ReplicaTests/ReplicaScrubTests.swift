import DeltaLog
import FoundationEssentials
import Testing

@testable import Replica

@Suite struct ReplicaScrubTests {
    private struct Stop: Error {}

    private func prepared() throws -> ReplicaFixture {
        let fixture = try ReplicaFixture()
        try CrashScenario.prepare(fixture)
        try fixture.replica.fold(upTo: 2)
        return fixture
    }

    private func alter(_ fixture: ReplicaFixture, _ name: String, at position: (Int) -> Int) throws {
        let url = URL(fileURLWithPath: fixture.directory + "/" + name)
        var bytes = Array(try Data(contentsOf: url))
        bytes[position(bytes.count)] ^= 1
        try Data(bytes).write(to: url)
    }

    @Test func aSoundReplicaHasNoFaults() throws {
        let fixture = try prepared()
        var last: UInt64 = 0
        let report = try fixture.replica.scrub { progress in
            #expect(progress.checkedBytes >= last)
            last = progress.checkedBytes
        }
        #expect(report.faultCount == 0)
        #expect(report.checkedBytes == report.totalBytes)
        #expect(report.totalBytes > 0)
    }

    /// What an abandoned attempt sent stays in the file, and nothing reads it; every other byte is covered.
    @Test func anAlteredByteOfALogIsFoundOrChangesNothing() throws {
        let fixture = try prepared()
        var found = 0
        for place in 0..<40 {
            try alter(fixture, "journal/0000000004.hrl") { $0 * place / 40 }
            let report = try fixture.replica.scrub()
            #expect(report.faults.allSatisfy { $0.contains("0000000004.hrl") })
            found += Int(report.faultCount)
            if report.faultCount == 0 { try fixture.checkPoints() }
            try alter(fixture, "journal/0000000004.hrl") { $0 * place / 40 }
        }
        #expect(found > 3)
        #expect(try fixture.replica.scrub().faultCount == 0)
    }

    @Test func aMissingLogAndAnAlteredManifestAreFound() throws {
        let fixture = try prepared()
        try alter(fixture, "manifest") { $0 / 2 }
        try FileManager.default.removeItem(atPath: fixture.directory + "/journal/0000000004.hrl")
        let report = try fixture.replica.scrub()
        #expect(report.faultCount == 2)
        #expect(report.faults.contains { $0.hasPrefix("manifest") })
        #expect(report.faults.contains { $0.hasPrefix("0000000004.hrl") })
    }

    @Test func aMissingOrShortBaseImageIsFound() throws {
        let fixture = try prepared()
        try FileManager.default.removeItem(atPath: fixture.directory + "/base/vda")
        try Data([1]).write(to: URL(fileURLWithPath: fixture.directory + "/base/vdb"))
        #expect(try fixture.replica.scrub().faults.map { $0.prefix(8) } == ["base/vda", "base/vdb"])
    }

    /// It cuts the image of a disk that shrank, and removes that of one that went: neither is damage.
    @Test func aFoldThatGoesOnOrWasCutOffIsNoDamage() throws {
        let fixture = try prepared()
        fixture.guest.resize(0, blocks: 20)
        fixture.guest.remove("vdb")
        try fixture.cycle(kind: .compare)
        try fixture.reopen(failpoints: FailpointHook { if $0 == .foldWritten { throw Stop() } })
        #expect(throws: Stop.self) { try fixture.replica.fold(upTo: 6) }
        #expect(try fixture.replica.scrub().faults == [])
        try fixture.reopen()
        #expect(try fixture.replica.scrub().faults == [])
        let report = try fixture.replica.scrub { _ in try fixture.replica.fold(upTo: 6) }
        #expect(report.faults == [])
        try fixture.checkPoints()
    }

    @Test func aScrubCanBeStopped() throws {
        let fixture = try prepared()
        #expect(throws: Stop.self) { _ = try fixture.replica.scrub { _ in throw Stop() } }
    }

    @Test func aReadOfAlteredBytesIsRefused() throws {
        let fixture = try prepared()
        fixture.guest.fill(0, blocks: 0..<40, with: 9)
        try fixture.cycle()
        let path = fixture.directory + "/journal/0000000006.hrl"
        let sound = try Data(contentsOf: URL(fileURLWithPath: path))
        // In the records that count: most of the log is what an abandoned attempt left, and nobody reads that.
        let records = try DeltaLogReader(path: path, replicaKey: fixture.replica.replicaKey).extents
            .filter { !$0.isZero }
        #expect(!records.isEmpty)
        for record in records {
            var bytes = sound
            bytes[Int(record.position) + Int(record.payloadBytes)] ^= 1
            try bytes.write(to: URL(fileURLWithPath: path))
            let error = #expect(throws: ReplicaError.self) { _ = try fixture.replica.view().contents() }
            #expect(error?.code == .corruptData)
        }
    }

    // MARK: Damage at the start

    /// Points before the damage stay; what follows it is not listed, and nothing is put on top.
    @Test(arguments: ["truncated", "altered header", "altered trailer", "removed", "empty"])
    func aDamagedLogEndsTheJournal(damage: String) throws {
        let fixture = try prepared()
        let path = fixture.directory + "/journal/0000000004.hrl"
        let url = URL(fileURLWithPath: path)
        let bytes = try Data(contentsOf: url)
        fixture.replica.close()
        switch damage {
        case "truncated": try bytes.dropLast(4_096).write(to: url)
        case "altered header": try alter(fixture, "journal/0000000004.hrl") { _ in 40 }
        case "altered trailer": try alter(fixture, "journal/0000000004.hrl") { $0 - 40 }
        case "removed": try FileManager.default.removeItem(atPath: path)
        default: try Data().write(to: url)
        }
        try fixture.reopen()
        #expect(fixture.replica.points().map(\.cycle) == [2, 3])
        try fixture.replica.checkPoints(against: fixture.history)
        let faults = try fixture.replica.describe().faults
        #expect(faults.count == (damage == "removed" ? 1 : 2))
        #expect(try fixture.replica.scrub().faultCount == UInt64(faults.count))
        for cycle in [3, 5] as [UInt64] {
            var opening = fixture.opening(6, kind: .incremental)
            opening.parentCycle = cycle
            do {
                _ = try fixture.replica.openCycle(opening)
                Issue.record("a cycle was opened upon a damaged journal")
            } catch let error as ReplicaError {
                #expect(error.code == .corruptData)
            }
        }
        // Restored from a copy, it is as it was.
        try bytes.write(to: url)
        try fixture.reopen()
        try fixture.checkPoints()
    }

    @Test func damagedLogsCanBeSetAside() throws {
        let fixture = try prepared()
        fixture.replica.close()
        try alter(fixture, "journal/0000000004.hrl") { _ in 40 }
        try fixture.reopen()
        #expect(try fixture.replica.setDamagedLogsAside() == ["0000000004.hrl", "0000000005.hrl"])
        #expect(try fixture.replica.describe().faults.isEmpty)
        #expect(try fixture.files("damaged").count == 2)
        var opening = fixture.opening(6, kind: .compare)
        opening.parentCycle = 3
        let open = try fixture.replica.openCycle(opening)
        try fixture.send(open, kind: .compare)
        _ = try fixture.replica.commit(cycle: 6, generation: 1, attempts: [1, 3])
        fixture.noteCommitted(6)
        try fixture.reopen()
        #expect(fixture.replica.points().map(\.cycle) == [2, 3, 6])
        try fixture.checkPoints()
    }

    @Test func anAlteredManifestIsRefused() throws {
        let fixture = try prepared()
        fixture.replica.close()
        try alter(fixture, "manifest") { $0 / 2 }
        #expect(throws: ReplicaError.self) { try Replica.open(directory: fixture.directory) }
        #expect(throws: ReplicaError.self) { try ReplicaView.open(directory: fixture.directory, cycle: nil) }
        try alter(fixture, "manifest") { $0 / 2 }
        try fixture.reopen()
        try fixture.checkPoints()
    }

    @Test func aStrangeFileInTheJournalIsLeftAlone() throws {
        let fixture = try prepared()
        for name in ["notes", "4.hrl", "0000000000.hrl", "x.hrl"] {
            try Data([1, 2]).write(to: URL(fileURLWithPath: fixture.directory + "/journal/" + name))
        }
        try fixture.reopen()
        try fixture.checkPoints()
        #expect(try fixture.files("journal").count == 7)
    }
}
