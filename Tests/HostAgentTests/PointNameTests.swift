import FoundationEssentials
import Messages
import Testing

import enum Replica.PointName

@testable import HostAgent

@Suite struct PointNameTests {
    /// Cycles 3 to 5, captured at 3, 4 and 5 s; 4 is application-consistent and verified.
    private static let points: [RecoveryPoint] = (UInt64(3)...5).map { cycle in
        var point = RecoveryPoint()
        point.cycle = cycle
        point.capturedUnixMs = Int64(cycle) * 1_000
        point.consistency = cycle == 4 ? .application : .crash
        point.verified = cycle == 4
        point.identifier = Data(repeating: UInt8(cycle == 5 ? 0xAB : 0xC0 + cycle), count: 16)
        return point
    }

    @Test(
        arguments: [
            ("latest", 5), ("application", 4), ("verified", 4), ("3", 3), ("abababab", 5), ("ABABABABAB", 5),
            ("1970-01-01T00:00:04Z", 4), ("1970-01-01T00:00:04.999Z", 4), ("1970-01-01T01:00:05+01:00", 5),
            ("2026-11-23T03:44:51Z", 5),
        ] as [(String, UInt64)]) func theWordsOfEveryCommandNameAPoint(text: String, cycle: UInt64) throws
    {
        #expect(try PointName(naming: text).cycle(among: Self.points, of: "web1") == cycle)
    }

    @Test(arguments: ["9", "deadbeef", "1970-01-01T00:00:02Z"]) func whatIsNotThereIsNotFound(text: String) throws {
        let name = try PointName(naming: text)
        let error = #expect(throws: RemoteError.self) { try name.cycle(among: Self.points, of: "web1") }
        #expect(error?.code == .notFound && error?.remedy.contains("cycles 3 to 5") == true)
        #expect(throws: RemoteError.self) { try name.cycle(among: [], of: "web1") }
    }

    @Test(arguments: ["", "yesterday", "0", "abc", "2026-11-23T03:44:51", "--"]) func whatNamesNothingIsRefused(
        text: String
    ) {
        let error = #expect(throws: RemoteError.self) { try PointName(naming: text) }
        #expect(error?.code == .invalidArgument)
    }

    @Test func aStartThatMeansSeveralIsRefused() throws {
        var points = Self.points
        points[0].identifier = points[2].identifier
        let error = #expect(throws: RemoteError.self) {
            try PointName(naming: "abababab").cycle(among: points, of: "web1")
        }
        #expect(error?.code == .invalidArgument)
    }
}
