package import ArgumentParser

/// `bascule resync GUEST [--wait]`
package struct ResyncCommand: OperatorCommand {
    package static let configuration = CommandConfiguration(
        commandName: "resync", abstract: "Compare source and replica block by block, and ship only what differs.",
        discussion: """
            Happens by itself when a checkpoint was lost. Ask for it when you doubt a
            replica; points that exist stay.

            EXAMPLES
              bascule resync web1 --wait
            """)

    @Argument(help: "Guest, or identifier of the protection.")
    var guest: String

    @Option(help: "Why; shown in status and kept in the audit.")
    var reason = "asked for by an operator"

    @Flag(help: "Wait until it is done, with a progress bar.")
    var wait = false

    @OptionGroup package var common: CommonOptions

    package init() {}

    package func perform(in session: OperatorSession) async throws {
        let vault = try await session.vault()
        var protection = try await vault.registry().protection(named: guest)
        try await vault.change(protection.id, to: .resynchronizing, reason: reason)
        protection.state = .resynchronizing
        protection.stateReason = reason
        try await StateWait.answer(
            protection, "\(protection.guest): comparing source and replica.", waitingFor: wait ? .protectedAgain : nil,
            in: session)
    }
}
