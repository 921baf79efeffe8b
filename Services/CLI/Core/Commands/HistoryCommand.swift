package import ArgumentParser

/// `bascule history GUEST [--last N]`
package struct HistoryCommand: OperatorCommand {
    package static let configuration = CommandConfiguration(
        commandName: "history",
        abstract: "List the last cycles of a guest: what changed, what was sent, how long it took.",
        discussion: """
            EXAMPLES
              bascule history web1
              bascule history web1 --last 100 --json
            """)

    @Argument(help: "Guest, or identifier of the protection.")
    var guest: String

    @Option(help: "How many.")
    var last: UInt32 = 20

    @OptionGroup package var common: CommonOptions

    package init() {}

    private struct Document: Codable {
        var guest: String
        var protection: String
        var cycles: [CycleRecord]
    }

    package func perform(in session: OperatorSession) async throws {
        let protection = try await session.vault().registry().protection(named: guest)
        let cycles = try await session.policy().history(of: protection.id, limit: last)
        let document = Document(guest: protection.guest, protection: protection.id, cycles: cycles)
        try session.answer(document) { console in
            guard !cycles.isEmpty else { return console.print("\(protection.guest) has no cycle behind it yet.") }
            console.print(Self.table(of: cycles))
        }
    }

    static func table(of cycles: [CycleRecord]) -> Table {
        var table = Table([
            .init("CYCLE", .right), .init("CAPTURED", rank: 2), .init("KIND"), .init("CHANGED", .right),
            .init("SENT", .right), .init("TOOK", .right), .init("OUTCOME", minimum: 10),
        ])
        for cycle in cycles {
            let outcome: Table.Cell
            if let error = cycle.error {
                outcome = .init(error.message, .bad)
            } else {
                outcome = .init(cycle.reason.isEmpty ? "committed" : "committed; \(cycle.reason)", .good)
            }
            table.add([
                .init("\(cycle.cycle)"),
                .init(
                    cycle.capturedUnixMilliseconds == 0
                        ? "–" : HumanUnits.time(unixMilliseconds: cycle.capturedUnixMilliseconds)),
                .init(cycle.kind.rawValue), .init(HumanUnits.bytes(cycle.changedBytes)),
                .init(HumanUnits.bytes(cycle.sentBytes)),
                .init(HumanUnits.duration(milliseconds: Int64(cycle.durationMilliseconds))), outcome,
            ])
        }
        return table
    }
}
