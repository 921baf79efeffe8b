import Testing

@testable import OperatorCLI

@Suite struct ProgressTests {
    private static let mebibyte: UInt64 = 1 << 20

    @Test func theRateIsThatOfTheLastSecondsNotOfTheWholeTime() {
        var estimator = ProgressEstimator()
        for second in 0...60 {
            estimator.note(done: UInt64(second) * 1_000, total: 1_000_000, atMilliseconds: Int64(second) * 1_000)
        }
        for second in 61...80 {
            estimator.note(
                done: 60_000 + UInt64(second - 60) * 9_000, total: 1_000_000, atMilliseconds: Int64(second) * 1_000)
        }
        #expect(estimator.bytesPerSecond == 9_000)
        #expect(estimator.millisecondsLeft == 84_444)
    }

    /// Whatever a service says, a command shows something.
    @Test func numbersThatCannotBeAreShownAsLarge() {
        var estimator = ProgressEstimator()
        estimator.note(done: 0, total: .max, atMilliseconds: 0)
        estimator.note(done: 1, total: .max, atMilliseconds: 1_000)
        #expect(estimator.bytesPerSecond == 1 && estimator.millisecondsLeft == .max)
        estimator.note(done: .max, total: .max, atMilliseconds: 1_001)
        #expect(estimator.bytesPerSecond ?? 0 > 1 << 63 && estimator.millisecondsLeft == 0)
    }

    @Test func nothingIsPromisedBeforeItIsKnown() {
        var estimator = ProgressEstimator()
        #expect(estimator.fraction == nil)
        estimator.note(done: 0, total: 100, atMilliseconds: 0)
        #expect(estimator.bytesPerSecond == nil)
        #expect(estimator.millisecondsLeft == nil)
        estimator.note(done: 0, total: 100, atMilliseconds: 1_000)
        #expect(estimator.bytesPerSecond == 0)
        #expect(estimator.millisecondsLeft == nil)
    }

    @Test func aNewAttemptStartsTheRateAnew() {
        var estimator = ProgressEstimator()
        estimator.note(done: 900, total: 1_000, atMilliseconds: 0)
        estimator.note(done: 100, total: 1_000, atMilliseconds: 1_000)
        #expect(estimator.bytesPerSecond == nil)
        estimator.note(done: 300, total: 1_000, atMilliseconds: 2_000)
        #expect(estimator.bytesPerSecond == 200)
    }

    @Test func moreThanAllIsNeverShown() {
        var estimator = ProgressEstimator()
        estimator.note(done: 200, total: 100, atMilliseconds: 0)
        #expect(estimator.fraction == 1)
    }

    @Test func theBarMovesByEighths() {
        #expect(ProgressBar.bar(0, width: 4) == "····")
        #expect(ProgressBar.bar(0.5, width: 4) == "██··")
        #expect(ProgressBar.bar(0.53125, width: 4) == "██▏·")
        #expect(ProgressBar.bar(1, width: 4) == "████")
        #expect(ProgressBar.bar(7, width: 4) == "████")
    }

    @Test func theLineHasShareAmountRateAndTimeLeft() {
        var estimator = ProgressEstimator()
        estimator.note(done: 0, total: 1_000 * Self.mebibyte, atMilliseconds: 0)
        estimator.note(done: 500 * Self.mebibyte, total: 1_000 * Self.mebibyte, atMilliseconds: 2_000)
        #expect(
            ProgressBar.line("seeding web1", estimator, width: 100)
                == "seeding web1  ████████████████▌················   50 %  500 MiB of 1000 MiB  250 MiB/s  2 s left"
                || ProgressBar.line("seeding web1", estimator, width: 100).hasSuffix(
                    "50 %  500 MiB of 1.0 GiB  250 MiB/s  2 s left")
        )
    }

    @Test(arguments: 20...120) func theLineFitsTheTerminal(width: Int) {
        var estimator = ProgressEstimator()
        estimator.note(done: 0, total: 1_000 * Self.mebibyte, atMilliseconds: 0)
        estimator.note(done: 500 * Self.mebibyte, total: 1_000 * Self.mebibyte, atMilliseconds: 2_000)
        #expect(DisplayWidth.of(ProgressBar.line("seeding a-long-name", estimator, width: width)) <= width)
    }
}
