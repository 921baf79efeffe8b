import Logging
import Testing

@testable import ServiceRuntime

struct ServiceLogHandlerTests {
    private func line(_ message: String, _ facts: [String: String] = [:]) -> String {
        ServiceLogHandler.line(time: "T", label: "vault", level: .info, message: message, facts: facts)
    }

    @Test func factsFollowTheMessageInOrder() {
        #expect(line("Done", ["b": "2", "a": "1"]) == "T info vault Done a=1 b=2\n")
    }

    @Test func valuesWithSpacesAreQuoted() {
        #expect(line("Done", ["a": "two words", "b": ""]) == "T info vault Done a=\"two words\" b=\"\"\n")
        #expect(line("Done", ["a": "say \"no\" now"]) == "T info vault Done a=\"say 'no' now\"\n")
    }

    @Test func nothingBeginsANewLineOrSpeaksToATerminal() {
        let line = line("a\nb", ["c": "d\r\ne\u{1B}[2J"])
        #expect(line == "T info vault a b c=\"d  e [2J\"\n")
    }
}
