import Foundation
import Replica
import Testing

@testable import OperatorCLI

@Suite struct PointNameTests {
    /// Cycles 2, 4, 6 and 8, ten seconds apart; the second is application-consistent.
    private let points: [PointRecord] = (UInt64(1)...4).map { number -> PointRecord in
        let consistency: CycleRecord.Consistency = number == 2 ? .application : .crash
        let identifier = "0000000\(number)" + String(repeating: "a", count: 24)
        return PointRecord(
            cycle: number * 2, capturedUnixMilliseconds: Int64(number) * 10_000, consistency: consistency,
            verified: false, storedBytes: 1, changedBytes: 1, identifier: identifier)
    }

    private func chosen(_ text: String) throws -> UInt64 {
        try PointName(naming: text).choose(from: points, of: "web1").cycle
    }

    @Test func everyWayOfNamingAPointFindsIt() throws {
        #expect(try chosen("latest") == 8)
        #expect(try chosen("latest-app") == 4)
        #expect(try chosen("6") == 6)
        #expect(try chosen("00000002aaaa") == 4)
        #expect(try chosen("1970-01-01T00:00:29Z") == 4)
        #expect(try chosen("1970-01-01T00:00:30.000Z") == 6)
        #expect(try chosen("2026-01-01T00:00:00+01:00") == 8)
    }

    /// What tables print, in this machine's zone.
    @Test func aTimeWithoutAZoneIsOfThisMachine() throws {
        guard case .atOrBefore(let whole) = try PointName(naming: "2026-11-23 03:44:51"),
            case .atOrBefore(let minutes) = try PointName(naming: "2026-11-23 03:44")
        else {
            Issue.record("it is no time")
            return
        }
        let zone =
            Int64(TimeZone.current.secondsFromGMT(for: Date(timeIntervalSince1970: Double(whole / 1_000)))) * 1_000
        #expect(try PointName(naming: "2026-11-23T03:44:51Z") == .atOrBefore(unixMilliseconds: whole + zone))
        #expect(try PointName(naming: "2026-11-23T03:44:51") == .atOrBefore(unixMilliseconds: whole))
        #expect(whole - minutes == 51_000)
    }

    @Test(arguments: ["3", "1970-01-01T00:00:01Z", "0000000b"])
    func whatIsNotThereIsNotFound(text: String) {
        let error = #expect(throws: OperatorError.self) { try chosen(text) }
        #expect(error?.code == .notFound)
    }

    @Test func theLatestVerifiedOneIsFoundOrItIsSaidHowThereWillBeOne() throws {
        let none = #expect(throws: OperatorError.self) { try chosen("verified") }
        #expect(none?.code == .notFound && none?.remedy.contains("bascule failover web1 --test") == true)
        var marked = points
        marked[0].verified = true
        marked[2].verified = true
        #expect(try PointName(naming: "verified").choose(from: marked, of: "web1").cycle == 6)
    }

    @Test(arguments: ["", "0", "yesterday", "-1", "xyz"])
    func whatNamesNoPointIsRefused(text: String) {
        let error = #expect(throws: OperatorError.self) { try PointName(naming: text) }
        #expect(error?.code == .usage)
    }

    @Test func aGuestWithoutPointsSaysSo() {
        let error = #expect(throws: OperatorError.self) { try PointName.latest.choose(from: [], of: "web1") }
        #expect(error?.code == .notFound)
    }

    @Test func theStartOfSeveralIdentifiersIsRefused() {
        var twins = points
        twins[1].identifier = points[0].identifier
        let error = #expect(throws: OperatorError.self) {
            try PointName(naming: "00000001").choose(from: twins, of: "web1")
        }
        // Eight digits that are a number name a cycle first, and there is none.
        #expect(error?.code == .notFound)
        let prefix = #expect(throws: OperatorError.self) {
            try PointName(naming: "00000001aa").choose(from: twins, of: "web1")
        }
        #expect(prefix?.code == .usage)
    }
}
