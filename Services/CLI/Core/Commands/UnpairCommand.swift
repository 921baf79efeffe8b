package import ArgumentParser

/// `bascule unpair SOURCE TARGET`
package struct UnpairCommand: OperatorCommand {
    package static let configuration = CommandConfiguration(
        commandName: "unpair",
        abstract: "Take a pair of clouds apart; refused while guests are protected between them.",
        discussion: """
            EXAMPLES
              bascule unpair gold gold-dr
            """)

    @Argument(help: "The source cloud.")
    var source: String

    @Argument(help: "The target cloud.")
    var target: String

    @OptionGroup package var common: CommonOptions

    package init() {}

    private struct Document: Codable {
        var source: String
        var target: String
    }

    package func perform(in session: OperatorSession) async throws {
        try await session.vault().unpair(source: source, target: target)
        try session.answer(Document(source: source, target: target)) {
            $0.print("\(source) → \(target) is no pair any more.")
        }
    }
}
