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

    /// The keys of the protection, and one more.
    private struct Document: Encodable {
        var protection: Registry.Protection
        var wait: WaitRecord

        private enum CodingKeys: String, CodingKey {
            case wait
        }

        func encode(to encoder: any Encoder) throws {
            try protection.encode(to: encoder)
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(wait, forKey: .wait)
        }
    }

    package func perform(in session: OperatorSession) async throws {
        let vault = try await session.vault()
        var protection = try await vault.registry().protection(named: guest)
        try await vault.change(protection.id, to: .resynchronizing, reason: reason)
        protection.state = .resynchronizing
        protection.stateReason = reason
        // With --wait one document says how it ended; people see at once that it was begun.
        if !(session.json && wait) {
            try session.answer(protection) { $0.print("\(protection.guest): comparing source and replica.") }
        }
        guard wait else { return }
        do {
            let ended = try await StateWait.run(in: session, protection: protection, goal: .protectedAgain)
            if session.json { try session.answer(Document(protection: ended.protection, wait: ended.wait)) { _ in } }
        } catch {
            if session.json {
                let wait = WaitRecord(protection, reached: false)
                try session.answer(Document(protection: protection, wait: wait)) { _ in }
            }
            throw error
        }
    }
}
