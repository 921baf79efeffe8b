import Foundation
import Messages
import Testing

/// The page and the grammar belong together: what one names, the other has.
@Suite struct ProtocolPageTests {
    private static let messages = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../Shared/Messages").standardizedFileURL

    private static func text(_ path: String) throws -> String {
        try String(contentsOf: messages.appending(path: path), encoding: .utf8)
    }

    @Test(arguments: ["vault", "policy", "agent", "orchestrator"]) func everyRequestIsInThePage(file: String) throws {
        let page = try Self.text("Protocol.md")
        let grammar = try Self.text("Protos/bascule/v1/\(file).proto")
        let block = try #require(grammar.firstMatch(of: /oneof request \{([^}]*)\}/))
        let names = block.output.1.matches(of: /(\w+) \w+ = \d+;/).map { String($0.output.1) }
        #expect(names.count >= 5)
        for name in names { #expect(page.contains("`\(name)`"), "\(name) is not in Protocol.md") }
    }

    @Test func everyErrorCodeIsInThePage() throws {
        let page = try Self.text("Protocol.md")
        for code in ErrorCode.allCases where code != .unspecified {
            #expect(page.contains("| `\(code.name)` |"), "\(code.name) is not in Protocol.md")
            let isRetried = page.contains(try Regex("\\| `\(code.name)` \\|[^|]*\\| yes"))
            #expect(isRetried == code.isUsuallyRetryable, "\(code.name) is retried in one and not in the other")
        }
    }

    @Test func theVersionIsTheOneThatIsSpoken() throws {
        let row = "| control version | \(Envelope.currentVersion), in every envelope |"
        #expect(try Self.text("Protocol.md").contains(row))
    }
}
