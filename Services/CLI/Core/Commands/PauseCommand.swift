package import ArgumentParser

/// `bascule pause GUEST [--wait]`
package struct PauseCommand: OperatorCommand {
    package static let configuration = CommandConfiguration(
        commandName: "pause", abstract: "Stop making recovery points of a guest; those that exist stay.",
        discussion: """
            What changes meanwhile is still tracked: after resume, one delta catches up.
            Wait before you change disks: QEMU refuses that while a cycle is open.

            EXAMPLES
              bascule pause web1
              bascule pause web1 --wait      returns when no cycle is open
              bascule pause web1 --reason "storage is being moved"
            """)

    @Argument(help: "Guest, or identifier of the protection.")
    var guest: String

    @Option(help: "Why; shown in status and kept in the audit.")
    var reason = "paused by an operator"

    @Flag(help: "Wait until no cycle of it is open, and none will be.")
    var wait = false

    @OptionGroup package var common: CommonOptions

    package init() {}

    package func perform(in session: OperatorSession) async throws {
        let vault = try await session.vault()
        var protection = try await vault.registry().protection(named: guest)
        try await vault.change(protection.id, to: .paused, reason: reason)
        protection.state = .paused
        protection.stateReason = reason
        try await StateWait.answer(
            protection, "\(protection.guest): paused. Go on with: bascule resume \(protection.guest)",
            waitingFor: wait ? .atRest : nil, in: session)
    }
}
