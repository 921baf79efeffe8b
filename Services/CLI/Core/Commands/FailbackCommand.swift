package import ArgumentParser

/// `bascule failback GUEST`
package struct FailbackCommand: OperatorCommand {
    package static let configuration = CommandConfiguration(
        commandName: "failback", abstract: "Bring a guest home: a planned failover onto its original disks.",
        discussion: """
            The guest is shut down, its last changes are fetched, it starts on its
            original disks and definition, and replication runs as at first. Nothing is
            lost.

            EXAMPLES
              bascule failback web1 --dry-run
              bascule failback web1 --yes
            """)

    @Argument(help: "Guest, or identifier of the protection.")
    var guest: String

    @Option(help: ArgumentHelp("How long the guest may take to shut down.", valueName: "span"))
    var shutdownLimit: String?

    @Flag(help: "Pull the plug of a guest that does not shut down in time.")
    var forceOff = false

    @OptionGroup var run: RunOptions
    @OptionGroup package var common: CommonOptions

    package init() {}

    package func perform(in session: OperatorSession) async throws {
        var order = RunOrder(.failback, of: guest)
        order.shutdownLimitSeconds = try shutdownLimit.map(OperatorLimits.shutdownSeconds)
        order.forceOff = forceOff
        try await RunLaunch(order: order, options: run) {
            "Shut \($0.guest) down at \($0.fromHost) and go on at \($0.toHost)?"
        }.perform(in: session)
    }
}
