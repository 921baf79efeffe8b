package import ArgumentParser

/// `bascule workers`
package struct WorkersCommand: OperatorCommand {
    package static let configuration = CommandConfiguration(
        commandName: "workers", abstract: "List the replication workers with their jobs and rates.")

    @OptionGroup package var common: CommonOptions

    package init() {}

    private struct Document: Codable {
        var workers: [WorkerRecord]
    }

    package func perform(in session: OperatorSession) async throws {
        let workers = try await session.policy().workers()
        try session.answer(Document(workers: workers)) { console in
            guard !workers.isEmpty else {
                return console.print(
                    "No worker has asked for a job yet. Start bascule-worker; start as many as you like.")
            }
            console.print(Self.table(of: workers))
        }
    }

    static func table(of workers: [WorkerRecord]) -> Table {
        var table = Table([
            .init("WORKER", minimum: 8), .init("JOBS", .right), .init("RATE", .right), .init("LAST SEEN", .right),
            .init("READS", minimum: 6, rank: 2), .init("ENDPOINT", minimum: 12, rank: 3),
        ])
        for worker in workers {
            table.add([
                .init(worker.name), .init("\(worker.jobs)"), .init(HumanUnits.rate(worker.rateBytesPerSecond)),
                .init("\(HumanUnits.duration(milliseconds: worker.lastSeenAgeMilliseconds)) ago"),
                .init(worker.readsHosts.isEmpty ? "every host" : worker.readsHosts.joined(separator: ", ")),
                .init(worker.endpoint),
            ])
        }
        return table
    }
}
