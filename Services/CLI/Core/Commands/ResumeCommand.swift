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
        let protection = try await vault.registry().protection(named: guest)
        guard protection.state == .paused else {
            throw OperatorError(
                .refused, "\(protection.guest) is not paused, it is \(protection.state.words)",
                remedy: "see how it goes: bascule status \(protection.guest)")
        }
        // The vault knows where it was paused, and takes this word for going on there.
        let resumed = try await vault.change(protection.id, to: .protected, reason: "resumed by an operator")
        try session.answer(resumed) { $0.print("\(resumed.guest): resumed, \(resumed.state.words).") }
    }
}
