package import ArgumentParser
import MessageBus
import Messages

/// `bascule events`
package struct EventsCommand: OperatorCommand {
    package static let configuration = CommandConfiguration(
        commandName: "events", abstract: "Show changes of the registry as the vault publishes them, until Ctrl-C.",
        discussion: """
            Needs the vault's events endpoint: setting vaultEvents, or
            BASCULE_VAULT_EVENTS.

            EXAMPLES
              bascule events
              bascule events --json | jq .text
            """)

    @Option(help: "End after so many events.")
    var count: Int?

    @OptionGroup package var common: CommonOptions

    package init() {}

    package func perform(in session: OperatorSession) async throws {
        let subscription = try await session.bus.subscribe(to: session.settings[.vaultEvents])
        if !session.json {
            session.console.printError("Listening at \(session.settings[.vaultEvents]); Ctrl-C ends.")
        }
        var seen = 0
        for await envelope in subscription {
            guard case .vaultEvent(let event) = envelope.body, let record = EventRecord(wire: event) else { continue }
            if session.json {
                session.console.print(try JSONDocument.text(record))
            } else {
                session.console.print("\(record.number)  \(record.kind)  \(record.text)")
            }
            seen += 1
            if seen == count { break }
        }
        await subscription.close()
        try Task.checkCancellation()
    }
}
