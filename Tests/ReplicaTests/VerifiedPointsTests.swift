import DeltaLog
import FoundationEssentials
import Testing

@testable import Replica

/// Which points are verified, as it is kept beside the manifest.
@Suite struct VerifiedPointsTests {
    private struct Crash: Error {}

    private static func identifier(_ first: UInt8) -> PointIdentifier {
        PointIdentifier(bytes: (0..<16).map { first + UInt8($0) }) ?? .none
    }

    private static let sample = VerifiedPoints([
        identifier(1): PointVerification(.guestAgent, unixMilliseconds: 1_700_000_001_000),
        identifier(33): PointVerification(.operator, unixMilliseconds: 1_700_000_000_500),
    ])

    private func fixture(failpoints: FailpointHook = .none) throws -> ReplicaFixture {
        let fixture = try ReplicaFixture(failpoints: failpoints)
        try CrashScenario.prepare(fixture)
        return fixture
    }

    private func verified(_ replica: Replica) -> [UInt64] {
        replica.points().filter { $0.verification != nil }.map(\.cycle)
    }

    // MARK: Marks

    @Test func aMarkStaysWithItsPointWhateverIsDoneToItsLog() throws {
        let fixture = try fixture()
        #expect(try fixture.replica.markVerified(4, by: .guestAgent, unixMilliseconds: 7))
        let mark = PointVerification(.guestAgent, unixMilliseconds: 7)
        #expect(fixture.replica.point(of: 4)?.verification == mark)
        try fixture.reopen()
        #expect(fixture.replica.point(of: 4)?.verification == mark)
        #expect(try ReplicaView.points(in: fixture.directory).map(\.verification) == [nil, nil, nil, mark, nil])
        try fixture.replica.merge([2, 3, 4])
        #expect(fixture.replica.point(of: 4)?.verification == mark)
        try fixture.replica.fold(upTo: 4)
        #expect(verified(fixture.replica) == [4])
        try fixture.reopen()
        #expect(verified(fixture.replica) == [4])
        try fixture.replica.settle(on: 4)
        #expect(fixture.replica.points().map(\.verification) == [mark])
        try fixture.reopen()
        #expect(fixture.replica.points().map(\.verification) == [mark])
    }

    @Test func anOperatorsWordStandsAboveTheGuestAgentsAndTheFirstOfEachStays() throws {
        let fixture = try fixture()
        let replica = fixture.replica
        #expect(try replica.markVerified(3, by: .guestAgent, unixMilliseconds: 1))
        #expect(try !replica.markVerified(3, by: .guestAgent, unixMilliseconds: 2))
        #expect(replica.point(of: 3)?.verification == PointVerification(.guestAgent, unixMilliseconds: 1))
        #expect(try replica.markVerified(3, by: .operator, unixMilliseconds: 3))
        #expect(try !replica.markVerified(3, by: .guestAgent, unixMilliseconds: 4))
        #expect(replica.point(of: 3)?.verification == PointVerification(.operator, unixMilliseconds: 3))
        try fixture.checkPoints()
    }

    @Test func aMarkIsTakenBackDurably() throws {
        let fixture = try fixture()
        try fixture.replica.markVerified(3, by: .operator, unixMilliseconds: 1)
        try fixture.replica.markVerified(5, by: .guestAgent, unixMilliseconds: 2)
        #expect(try fixture.replica.unmarkVerified(3))
        #expect(try !fixture.replica.unmarkVerified(3) && !fixture.replica.unmarkVerified(99))
        try fixture.reopen()
        #expect(verified(fixture.replica) == [5])
    }

    @Test func aPointThatIsNotListedCannotBeMarked() throws {
        let fixture = try fixture()
        try fixture.replica.fold(upTo: 3)
        for cycle: UInt64 in [1, 2, 9] {
            let error = #expect(throws: ReplicaError.self) {
                try fixture.replica.markVerified(cycle, by: .operator, unixMilliseconds: 1)
            }
            #expect(error?.code == .notFound)
        }
        #expect(!FileManager.default.fileExists(atPath: fixture.directory + "/verified"))
    }

    @Test func aMarkGoesWithItsPoint() throws {
        let fixture = try fixture()
        try fixture.replica.markVerified(2, by: .operator, unixMilliseconds: 1)
        try fixture.replica.markVerified(5, by: .operator, unixMilliseconds: 2)
        // Everything but the newest is too old for every rule.
        let steps = try fixture.replica.maintain(
            Retention(everyCycleSeconds: 0), nowUnixMilliseconds: ReplicaFixture.firstCapture + 10_000_000)
        #expect(steps.isEmpty, "five small logs wait for more")
        try fixture.replica.perform(.fold(upTo: 4))
        #expect(verified(fixture.replica) == [5])
        try fixture.replica.markVerified(4, by: .operator, unixMilliseconds: 3)
        fixture.intervalMilliseconds = 1_000_000
        try fixture.cycle()
        let more = try fixture.replica.maintain(
            Retention(everyCycleSeconds: 0), nowUnixMilliseconds: ReplicaFixture.firstCapture + 10_000_000)
        #expect(more == [.fold(upTo: 5)])
        #expect(verified(fixture.replica) == [5])
        let kept = try VerifiedPoints(decoding: Self.bytes(fixture.directory + "/verified"))
        #expect(kept.marks.count == 1, "marks of 2 and 4 are forgotten")
    }

    @Test func aMarkOfAPointWhoseLogIsMissingIsNotForgotten() throws {
        let fixture = try fixture()
        try fixture.replica.markVerified(5, by: .operator, unixMilliseconds: 1)
        fixture.replica.close()
        let log = fixture.directory + "/journal/0000000004.hrl"
        try FileManager.default.moveItem(atPath: log, toPath: fixture.parent + "/aside")
        try fixture.reopen()
        #expect(fixture.replica.points().map(\.cycle) == [1, 2, 3])
        try fixture.replica.forgetMarksOfGonePoints()
        fixture.replica.close()
        try FileManager.default.moveItem(atPath: fixture.parent + "/aside", toPath: log)
        try fixture.reopen()
        #expect(verified(fixture.replica) == [5])
    }

    // MARK: Crashes and damage

    @Test(arguments: [(Failpoint.verifiedWritten, false), (.verifiedRenamed, true)])
    func aCrashLeavesTheMarkOrNone(failpoint: Failpoint, isMarked: Bool) throws {
        let copies = DirectoryCopies()
        let fixture = try fixture(failpoints: copies.hook)
        try fixture.replica.markVerified(2, by: .operator, unixMilliseconds: 1)
        copies.begin(copying: fixture.directory)
        try fixture.replica.markVerified(4, by: .guestAgent, unixMilliseconds: 2)
        let path = try #require(copies.made.first { $0.failpoint == failpoint }?.path)
        let listed = try ReplicaView.points(in: path).filter { $0.verification != nil }.map(\.cycle)
        #expect(listed == (isMarked ? [2, 4] : [2]))
        let replica = try Replica.open(directory: path)
        defer { replica.close() }
        #expect(verified(replica) == listed)
        #expect(!FileManager.default.fileExists(atPath: path + "/verified.new"))
        #expect(try replica.markVerified(4, by: .guestAgent, unixMilliseconds: 3) == !isMarked)
        #expect(verified(replica) == [2, 4])
    }

    @Test(arguments: [Failpoint.verifiedWritten, .verifiedRenamed])
    func aFailureLeavesTheOpenReplicaRightOrUnwilling(failpoint: Failpoint) throws {
        let fixture = try fixture()
        try fixture.reopen(failpoints: FailpointHook { if $0 == failpoint { throw Crash() } })
        #expect(throws: (any Error).self) {
            try fixture.replica.markVerified(4, by: .guestAgent, unixMilliseconds: 2)
        }
        do {
            _ = try fixture.replica.describe()
            #expect(failpoint == .verifiedWritten && verified(fixture.replica).isEmpty)
        } catch let error as ReplicaError {
            #expect(failpoint == .verifiedRenamed && error.code == .needsReopen)
        }
        try fixture.reopen()
        try fixture.replica.markVerified(4, by: .guestAgent, unixMilliseconds: 2)
        #expect(verified(fixture.replica) == [4])
        try fixture.checkPoints()
    }

    @Test func aDamagedFileCostsTheMarksAndIsSaid() throws {
        let fixture = try fixture()
        try fixture.replica.markVerified(4, by: .operator, unixMilliseconds: 1)
        #expect(try fixture.replica.describe().verificationFault == nil)
        #expect(try fixture.replica.scrub().faults.isEmpty)
        var bytes = try Self.bytes(fixture.directory + "/verified")
        bytes[30] ^= 1
        try Data(bytes).write(to: URL(fileURLWithPath: fixture.directory + "/verified"))
        try fixture.reopen()
        #expect(verified(fixture.replica).isEmpty)
        try fixture.checkPoints()
        #expect(try fixture.replica.describe().verificationFault?.contains("checksum") == true)
        // Who reads the directory alone learns it, too.
        #expect(ReplicaView.verificationFault(in: fixture.directory)?.contains("checksum") == true)
        #expect(try fixture.replica.scrub().faults.contains { $0.hasPrefix("verified: ") })
        // The next mark begins anew.
        try fixture.replica.markVerified(5, by: .guestAgent, unixMilliseconds: 2)
        #expect(try fixture.replica.describe().verificationFault == nil)
        #expect(try fixture.replica.scrub().faults.isEmpty)
        try fixture.reopen()
        #expect(verified(fixture.replica) == [5])
    }

    // MARK: The file

    @Test func theFirstFormatStaysReadable() throws {
        let golden = try Self.golden("verified-1.hex")
        #expect(Self.sample.encoded() == golden)
        #expect(try VerifiedPoints(decoding: golden) == Self.sample)
    }

    @Test func aChangedByteAnywhereIsNoticed() throws {
        let whole = Self.sample.encoded()
        for position in whole.indices {
            var changed = whole
            changed[position] ^= 1
            let error = #expect(throws: ReplicaError.self) { try VerifiedPoints(decoding: changed) }
            #expect(error?.code == .corruptData)
        }
        #expect(throws: ReplicaError.self) { try VerifiedPoints(decoding: whole.dropLast()) }
        #expect(throws: ReplicaError.self) { try VerifiedPoints(decoding: []) }
    }

    /// Each has a checksum that holds.
    @Test func fieldsThatMakeNoSenseAreRefused() throws {
        let mark = Self.identifier(1).bytes + [1] + [UInt8](repeating: 0, count: 8)
        let one: [UInt8] = [0, 0, 0, 1]
        #expect(throws: Never.self) { try Self.decode(one + mark) }
        for body in [
            [], one, one + mark.dropLast(), one + mark + [0], [0, 0, 0, 2] + mark + mark, [0, 0, 0, 2] + mark,
            one + [UInt8](repeating: 0, count: 16) + mark.dropFirst(16),
            one + Self.identifier(1).bytes + [0] + mark.suffix(8),
            one + Self.identifier(1).bytes + [3] + mark.suffix(8),
            [0, 1, 0, 0] + mark,
        ] as [[UInt8]] {
            #expect(throws: ReplicaError.self) { try Self.decode(body) }
        }
        #expect(throws: ReplicaError.self) { try Self.decode(one + mark, version: 2) }
    }

    @Test func theOldestMarksGoWhenThereAreTooMany() throws {
        var points = VerifiedPoints()
        for number in 0...UInt64(ReplicaLimits.verifiedPoints) {
            let bytes = [UInt8](repeating: 7, count: 8) + withUnsafeBytes(of: number.bigEndian) { Array($0) }
            let identifier = try #require(PointIdentifier(bytes: bytes[...]))
            let verification = PointVerification(.guestAgent, unixMilliseconds: Int64(number))
            let isNew = points.mark(identifier, verification)
            #expect(isNew)
        }
        #expect(points.marks.count == ReplicaLimits.verifiedPoints)
        #expect(points.marks.values.map(\.unixMilliseconds).min() == 1)
        #expect(points.encoded().count <= ReplicaLimits.verifiedBytes)
    }

    private static func decode(_ body: [UInt8], version: UInt16 = VerifiedPoints.version) throws {
        _ = try VerifiedPoints(decoding: VerifiedPoints.frame.encode(version: version, body: body))
    }

    private static func bytes(_ path: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    }

    private static func golden(_ name: String) throws -> [UInt8] {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path + "/Golden/" + name
        let digits = Array(try String(contentsOfFile: path, encoding: .utf8).filter { $0.isHexDigit })
        return stride(from: 0, to: digits.count, by: 2).map { UInt8(String(digits[$0...$0 + 1]), radix: 16) ?? 0 }
    }
}
