package import ArgumentParser

/// `bascule audit [--last N]`
package struct AuditCommand: OperatorCommand {
    package static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "List who asked the vault for what, and what came of it; newest last.",
        discussion: """
            EXAMPLES
              bascule audit
              bascule audit --last 200
              bascule audit --json | jq .entries
            """)

    @Option(help: "How many.")
    var last: UInt32 = 50

    @OptionGroup package var common: CommonOptions

    package init() {}

    private struct Document: Codable {
        var entries: [AuditRecord]
    }

    package func perform(in session: OperatorSession) async throws {
        let entries = try await session.vault().audit(limit: last).sorted { $0.number < $1.number }
        try session.answer(Document(entries: entries)) { console in
            guard !entries.isEmpty else { return console.print("Nothing was asked of the vault yet.") }
            console.print(Self.table(of: entries))
        }
    }

    static func table(of entries: [AuditRecord]) -> Table {
        var table = Table([
            .init("NUMBER", .right, rank: 3), .init("TIME"), .init("WHO", minimum: 8, rank: 2),
            .init("ASKED FOR", minimum: 10), .init("OF", minimum: 8), .init("OUTCOME", minimum: 8),
        ])
        for entry in entries {
            table.add([
                .init("\(entry.number)"), .init(HumanUnits.time(unixMilliseconds: entry.timeUnixMilliseconds)),
                .init(entry.actor), .init(entry.action), .init(entry.subject),
                .init(entry.outcome, entry.outcome.hasPrefix("done") ? .good : .warning),
            ])
        }
        return table
    }
}
