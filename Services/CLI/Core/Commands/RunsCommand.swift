package import ArgumentParser

/// `bascule runs [GUEST]`
package struct RunsCommand: OperatorCommand {
    package static let configuration = CommandConfiguration(
        commandName: "runs", abstract: "List failovers and what belongs to them, newest first.",
        discussion: """
            EXAMPLES
              bascule runs
              bascule runs web1 --last 5 --json
            """)

    @Argument(help: "Only those of this guest.")
    var guest: String?

    @Option(help: "How many.")
    var last: UInt32 = 20

    @OptionGroup package var common: CommonOptions

    package init() {}

    private struct Document: Codable {
        var runs: [RunRecord]
    }

    package func perform(in session: OperatorSession) async throws {
        var protection: String?
        if let guest { protection = try await session.vault().registry().protection(named: guest).id }
        let runs = try await session.orchestrator().runs(of: protection, limit: last)
        try session.answer(Document(runs: runs)) { console in
            guard !runs.isEmpty else { return console.print("No run yet. Try one: bascule failover GUEST --test") }
            console.print(Self.table(of: runs))
            for run in runs where run.state == .waiting && !run.isOver {
                console.print("  \(run.shortID): \(console.styled("waits", .warning)): \(run.sentence) \(run.remedy)")
            }
        }
    }

    static func table(of runs: [RunRecord]) -> Table {
        var table = Table([
            .init("RUN"), .init("GUEST", minimum: 8), .init("KIND"), .init("STATE"), .init("STARTED", rank: 2),
            .init("TOOK", .right, rank: 3), .init("POINT", .right, rank: 1), .init("RPO", .right, rank: 2),
            .init("RTO", .right, rank: 2), .init("STEP", minimum: 10, rank: 4), .init("ASKED BY", minimum: 8, rank: 5),
        ])
        for run in runs {
            let ended = run.startedUnixMilliseconds > 0 && run.endedUnixMilliseconds >= run.startedUnixMilliseconds
            let took = ended ? run.endedUnixMilliseconds - run.startedUnixMilliseconds : nil
            let step = run.steps.last { $0.state == .running || $0.state == .failed }
            table.add([
                .init(run.shortID), .init(run.guest), .init(run.kind.words), .init(run.state.rawValue, run.state.style),
                .init(HumanUnits.time(unixMilliseconds: run.startedUnixMilliseconds)),
                .init(took.map(HumanUnits.duration(milliseconds:)) ?? "–"),
                .init(run.cycle > 0 ? "\(run.cycle)" : "–"),
                .init(run.rpoMilliseconds.map(HumanUnits.duration(milliseconds:)) ?? "–"),
                .init(run.rtoMilliseconds.map(HumanUnits.duration(milliseconds:)) ?? "–"),
                .init(step?.title ?? "–"), .init(run.requestedBy),
            ])
        }
        return table
    }
}
