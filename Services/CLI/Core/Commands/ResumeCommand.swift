package import ArgumentParser

/// `bascule resume GUEST`
package struct ResumeCommand: OperatorCommand {
    package static let configuration = CommandConfiguration(
        commandName: "resume", abstract: "Go on making recovery points of a paused guest.",
        discussion: """
            EXAMPLES
              bascule resume web1
            """)

    @Argument(help: "Guest, or identifier of the protection.")
    var guest: String

    @OptionGroup package var common: CommonOptions

    package init() {}

    package func perform(in session: OperatorSession) async throws {
        let vault = try await session.vault()
        var protection = try await vault.registry().protection(named: guest)
        guard protection.state == .paused else {
            throw OperatorError(
                .refused, "\(protection.guest) is not paused, it is \(protection.state.words)",
                remedy: "see how it goes: bascule status \(protection.guest)")
        }
        // A guest that was paused before its first point has to be seeded; the policy service knows.
        guard let status = try await session.policy().status(of: protection.id) else {
            throw OperatorError(
                .refused, "the policy service has not heard of \(protection.guest) yet, so it stays paused",
                remedy: "try again in a moment; see: bascule health")
        }
        protection.state = status.newestCycle > 0 ? .protected : .seeding
        try await vault.change(protection.id, to: protection.state, reason: "resumed by an operator")
        try session.answer(protection) { $0.print("\(protection.guest): resumed.") }
    }
}
