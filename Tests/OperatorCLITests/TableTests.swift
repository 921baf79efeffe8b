import Testing

@testable import OperatorCLI

@Suite struct TableTests {
    private func sample() -> Table {
        var table = Table([
            .init("GUEST", minimum: 5), .init("STATE"), .init("SIZE", .right), .init("ENDPOINT", minimum: 8, rank: 2),
        ])
        table.add(["web1", "protected", "1.5 GiB", "tcp://127.0.0.1:7721"])
        table.add(["a-guest-with-a-long-name", "paused", "12 GiB", "tcp://127.0.0.1:7722"])
        return table
    }

    @Test func withoutAWidthEverythingIsShown() {
        #expect(
            sample().lines(width: nil, styled: false) == [
                "GUEST                     STATE         SIZE  ENDPOINT",
                "web1                      protected  1.5 GiB  tcp://127.0.0.1:7721",
                "a-guest-with-a-long-name  paused      12 GiB  tcp://127.0.0.1:7722",
            ])
    }

    @Test func columnsThatMayShrinkDoSoWidestFirst() {
        #expect(
            sample().lines(width: 56, styled: false) == [
                "GUEST              STATE         SIZE  ENDPOINT",
                "web1               protected  1.5 GiB  tcp://127.0.0.1:…",
                "a-guest-with-a-l…  paused      12 GiB  tcp://127.0.0.1:…",
            ])
    }

    @Test func theLeastImportantColumnGoesWhenNothingCanShrinkFurther() {
        let lines = sample().lines(width: 34, styled: false)
        #expect(lines.first == "GUEST           STATE         SIZE")
        #expect(lines.last?.hasPrefix("not shown here: ENDPOINT") == true)
    }

    @Test(arguments: 1...90) func noLineIsEverWiderThanTheTerminal(width: Int) {
        for line in sample().lines(width: width, styled: false) where width >= 20 {
            #expect(DisplayWidth.of(line) <= width)
        }
    }

    @Test func wideAndControlCharactersDoNotTearTheColumns() {
        var table = Table([.init("NAME", minimum: 4), .init("N", .right)])
        table.add(["東京", "1"])
        table.add(["a\nb", "2"])
        #expect(table.lines(width: nil, styled: false) == ["NAME  N", "東京  1", "a b   2"])
    }

    @Test func colourDoesNotChangeTheLayout() {
        var table = Table([.init("HEALTH"), .init("N", .right)])
        table.add([.init("ok", .good), "1"])
        #expect(table.lines(width: nil, styled: true)[1] == "\u{1B}[32mok    \u{1B}[0m  1")
    }
}
