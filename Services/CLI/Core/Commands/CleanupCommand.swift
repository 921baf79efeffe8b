package import ArgumentParser

/// `bascule cleanup GUEST`
package struct CleanupCommand: OperatorCommand {
    package static let configuration = CommandConfiguration(
        commandName: "cleanup", abstract: "End a test failover and remove every trace of it.",
        discussion: """
            Replication and the guest itself were never touched by the test. Its point is
            marked as verified once the test guest's agent answered; --verified and --failed
            say what you saw, and that counts more. See the marks: bascule points.

            EXAMPLES
              bascule cleanup web1 --yes
              bascule cleanup web1 --verified
            """)

    @Argument(help: "Guest, or identifier of the protection.")
    var guest: String

    @Flag(help: "The test went well: mark its point as verified.")
    var verified = false

    @Flag(help: "It did not: take the mark of its point back.")
    var failed = false

    @OptionGroup var run: RunOptions
    @OptionGroup package var common: CommonOptions

    package init() {}

    package func validate() throws {
        if verified, failed { throw ValidationError("A test went well or it did not: give --verified or --failed.") }
    }

    package func perform(in session: OperatorSession) async throws {
        var order = RunOrder(.cleanup, of: guest)
        if verified { order.verdict = .verified }
        if failed { order.verdict = .failed }
        try await RunLaunch(order: order, options: run) {
            "Remove the test guest of \($0.guest) at \($0.toHost), with what it wrote?"
        }.perform(in: session)
    }
}
