import Foundation
import Testing

@testable import OperatorCLI

@Suite struct HumanUnitsTests {
    private static let sizes: [(UInt64, String)] = [
        (0, "0 B"), (1_023, "1023 B"), (1_024, "1.0 KiB"), (1_536, "1.5 KiB"), (10_240, "10.0 KiB"),
        (1_047_552, "1.0 MiB"), (128_974_848, "123 MiB"), (2_147_483_648, "2.0 GiB"), (UInt64.max, "16.0 EiB"),
    ]

    @Test(arguments: sizes)
    func sizesHaveThreeDigitsAndABinaryUnit(count: UInt64, text: String) {
        #expect(HumanUnits.bytes(count) == text)
    }

    private static let durations: [(Int64, String)] = [
        (-5, "0 ms"), (0, "0 ms"), (999, "999 ms"), (1_400, "1.4 s"), (9_949, "9.9 s"), (9_950, "10 s"),
        (59_499, "59 s"), (59_500, "1 min"), (185_000, "3 min 5 s"), (3_600_000, "1 h"), (7_800_000, "2 h 10 min"),
        (273_600_000, "3 d 4 h"), (.max, "106751991167 d 7 h"),
    ]

    @Test(arguments: durations)
    func durationsHaveAtMostTwoUnits(milliseconds: Int64, text: String) {
        #expect(HumanUnits.duration(milliseconds: milliseconds) == text)
    }

    @Test(arguments: [(0, "never"), (1, "1 s"), (30, "30 s"), (900, "15 min"), (86_400, "1 d")])
    func spansOfAPolicyReadLikeSpeech(seconds: UInt32, text: String) {
        #expect(HumanUnits.span(seconds: seconds) == text)
    }

    @Test func timesAreLocalForPeopleAndUniversalForMachines() throws {
        let zone = try #require(TimeZone(secondsFromGMT: 3_600))
        #expect(HumanUnits.time(unixMilliseconds: 1_795_405_491_250, in: zone) == "2026-11-23 04:44:51")
        #expect(HumanUnits.timestamp(unixMilliseconds: 1_795_405_491_250) == "2026-11-23T03:44:51.250Z")
    }

    @Test func countsHaveThousandsMarked() {
        #expect(HumanUnits.count(0) == "0")
        #expect(HumanUnits.count(999) == "999")
        #expect(HumanUnits.count(1_000) == "1,000")
        #expect(HumanUnits.count(1_234_567) == "1,234,567")
    }

    @Test func aHundredPercentMeansDone() {
        #expect(HumanUnits.percent(0.999) == "99 %")
        #expect(HumanUnits.percent(1) == "100 %")
        #expect(HumanUnits.percent(1.5) == "100 %")
    }
}
