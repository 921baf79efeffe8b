package import ArgumentParser

/// `bascule commit GUEST`
package struct CommitCommand: OperatorCommand {
    package static let configuration = CommandConfiguration(
        commandName: "commit", abstract: "Keep the point that a guest was failed over to; the others are dropped.",
        discussion: """
            The journal is folded into the base up to that point, and at its next cold
            start the guest runs on plain files. Replicate it back: bascule reverse GUEST.

            EXAMPLES
              bascule commit web1
              bascule commit web1 --dry-run
            """)

    @Argument(help: "Guest, or identifier of the protection.")
    var guest: String

    @OptionGroup var run: RunOptions
    @OptionGroup package var common: CommonOptions

    package init() {}

    package func perform(in session: OperatorSession) async throws {
        try await RunLaunch(order: RunOrder(.commit, of: guest), options: run) {
            "Keep point \($0.cycle) of \($0.guest), and drop all its other recovery points?"
        }.perform(in: session)
    }
}
