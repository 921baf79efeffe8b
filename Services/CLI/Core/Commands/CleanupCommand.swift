package import ArgumentParser

/// `bascule cleanup GUEST`
package struct CleanupCommand: OperatorCommand {
    package static let configuration = CommandConfiguration(
        commandName: "cleanup", abstract: "End a test failover and remove every trace of it.",
        discussion: """
            Replication and the guest itself were never touched by the test.

            EXAMPLES
              bascule cleanup web1 --yes
            """)

    @Argument(help: "Guest, or identifier of the protection.")
    var guest: String

    @OptionGroup var run: RunOptions
    @OptionGroup package var common: CommonOptions

    package init() {}

    package func perform(in session: OperatorSession) async throws {
        try await RunLaunch(order: RunOrder(.cleanup, of: guest), options: run) {
            "Remove the test guest of \($0.guest) at \($0.toHost), with what it wrote?"
        }.perform(in: session)
    }
}
