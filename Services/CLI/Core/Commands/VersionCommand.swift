package import ArgumentParser

/// `bascule version`
package struct VersionCommand: OperatorCommand {
    package static let configuration = CommandConfiguration(
        commandName: "version", abstract: "Show the version of bascule.",
        discussion: """
            EXAMPLES
              bascule version
              bascule version --json
            """)

    @OptionGroup package var common: CommonOptions

    package init() {}

    private struct Document: Codable {
        var version: String
        var protocolVersion: UInt32
    }

    package func perform(in session: OperatorSession) async throws {
        try session.answer(Document(version: BasculeTool.version, protocolVersion: 1)) { console in
            console.print("bascule \(BasculeTool.version), protocol bascule.v1")
        }
    }
}
