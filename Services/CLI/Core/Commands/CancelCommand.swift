package import ArgumentParser

/// `bascule cancel GUEST`
package struct CancelCommand: OperatorCommand {
    package static let configuration = CommandConfiguration(
        commandName: "cancel", abstract: "Take an unplanned failover back: the guest goes on at the source.",
        discussion: """
            What the guest wrote at the target is lost. Needs the source.

            EXAMPLES
              bascule cancel web1
            """)

    @Argument(help: "Guest, or identifier of the protection.")
    var guest: String

    @OptionGroup var run: RunOptions
    @OptionGroup package var common: CommonOptions

    package init() {}

    package func perform(in session: OperatorSession) async throws {
        try await RunLaunch(order: RunOrder(.cancel, of: guest), options: run) {
            "Go back to \($0.guest) at the source? What it wrote since the failover is lost."
        }.perform(in: session)
    }
}
