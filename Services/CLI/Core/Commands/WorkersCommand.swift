package import ArgumentParser

/// `bascule workers [list | drain | resume]`
package struct WorkersCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "workers", abstract: "List, drain or resume replication workers.",
        discussion: """
            Workers come and go: start as many as you like, wherever one reaches source
            and target, and stop one at any time. To take one out without a job being
            done twice, drain it first.

            EXAMPLES
              bascule workers
              bascule workers drain worker-3 && systemctl stop bascule-worker@3
              bascule workers resume worker-3
            """,
        subcommands: [List.self, Drain.self, Resume.self], defaultSubcommand: List.self)

    package init() {}

    struct Document: Codable {
        var workers: [WorkerRecord]
    }

    /// `bascule workers list`
    package struct List: OperatorCommand {
        package static let configuration = CommandConfiguration(
            abstract: "List the workers with their jobs and rates (default).",
            discussion: """
                EXAMPLES
                  bascule workers list
                  bascule workers list --jobs
                """)

        @Flag(help: "Also what each of them moves.")
        var jobs = false

        @OptionGroup package var common: CommonOptions

        package init() {}

        package func perform(in session: OperatorSession) async throws {
            let workers = try await session.policy().workers()
            try session.answer(Document(workers: workers)) { console in
                guard !workers.isEmpty else {
                    return console.print(
                        "No worker has asked for a job yet. Start bascule-worker; start as many as you like.")
                }
                console.print(WorkersCommand.table(of: workers))
                if jobs, workers.contains(where: { !$0.running.isEmpty }) {
                    console.print("")
                    console.print(WorkersCommand.jobTable(of: workers))
                }
            }
        }
    }

    /// `bascule workers drain NAME`
    package struct Drain: OperatorCommand {
        package static let configuration = CommandConfiguration(
            abstract: "Let a worker finish what it has, and give it nothing more.",
            discussion: """
                It stays drained, also when it or the policy service is started again, until:
                bascule workers resume NAME; or until it was away for a day. Ctrl-C ends the
                waiting, not the draining.

                EXAMPLES
                  bascule workers drain worker-3
                  bascule workers drain worker-3 --no-wait
                """)

        @Argument(help: "Name of the worker; several of one name are drained together.")
        var name: String

        @Flag(help: "Do not wait until its last job has ended.")
        var noWait = false

        @OptionGroup package var common: CommonOptions

        package init() {}

        package func perform(in session: OperatorSession) async throws {
            let service = try await session.policy()
            var workers = try await service.drain(worker: name)
            defer { session.console.showProgress(nil) }
            while !noWait, workers.contains(where: { $0.state == .draining }) {
                let jobs = workers.reduce(0) { $0 + $1.jobs }
                session.console.showProgress(
                    "draining \(name)  \(jobs == 1 ? "1 job runs" : "\(jobs) jobs run") still")
                try await session.pauseBetweenLooks()
                workers = try await service.workers().filter { $0.name == name }
            }
            // Somebody may have resumed it meanwhile, and then it must not be stopped in the belief that it is idle.
            guard noWait || workers.allSatisfy({ $0.state == .drained }) else {
                throw OperatorError(
                    .refused, "worker \(name) was resumed before it was drained", remedy: "see: bascule workers")
            }
            session.console.showProgress(nil)
            try session.answer(Document(workers: workers)) { console in
                let isDone = workers.allSatisfy { $0.state == .drained }
                console.print(
                    isDone
                        ? "\(name) is drained: it runs no job and gets none. It can be stopped."
                        : "\(name) gets no job any more; see how it goes: bascule workers")
            }
        }
    }

    /// `bascule workers resume NAME`
    package struct Resume: OperatorCommand {
        package static let configuration = CommandConfiguration(
            abstract: "Give a drained worker jobs again.",
            discussion: """
                EXAMPLES
                  bascule workers resume worker-3
                """)

        @Argument(help: "Name of the worker.")
        var name: String

        @OptionGroup package var common: CommonOptions

        package init() {}

        package func perform(in session: OperatorSession) async throws {
            let workers = try await session.policy().resume(worker: name)
            try session.answer(Document(workers: workers)) { console in
                console.print(
                    workers.isEmpty ? "\(name) gets jobs again once it asks for some." : "\(name) gets jobs again.")
            }
        }
    }

    static func table(of workers: [WorkerRecord]) -> Table {
        var table = Table([
            .init("WORKER", minimum: 8), .init("STATE"), .init("JOBS", .right), .init("RATE", .right),
            .init("LAST SEEN", .right), .init("READS", minimum: 6, rank: 2), .init("ENDPOINT", minimum: 12, rank: 3),
        ])
        for worker in workers {
            let seen = worker.lastSeenAgeMilliseconds.map { "\(HumanUnits.duration(milliseconds: $0)) ago" }
            table.add([
                .init(worker.name), .init(worker.state.rawValue, worker.state.style),
                .init("\(worker.jobs) of \(worker.slots)"), .init(HumanUnits.rate(worker.rateBytesPerSecond)),
                .init(seen ?? "–"),
                .init(worker.readsHosts.isEmpty ? "every host" : worker.readsHosts.joined(separator: ", ")),
                .init(worker.endpoint.isEmpty ? "–" : worker.endpoint),
            ])
        }
        return table
    }

    static func jobTable(of workers: [WorkerRecord]) -> Table {
        var table = Table([
            .init("WORKER", minimum: 8), .init("GUEST", minimum: 6), .init("DISK"), .init("CYCLE", .right),
            .init("KIND"), .init("READ", .right), .init("OF ABOUT", .right), .init("RATE", .right),
        ])
        for worker in workers {
            for job in worker.running {
                table.add([
                    .init(worker.name), .init(job.guest), .init(job.disk), .init("\(job.cycle)"),
                    .init(job.kind.rawValue), .init(HumanUnits.bytes(job.readBytes)),
                    .init(HumanUnits.bytes(job.changedBytes)), .init(HumanUnits.rate(job.rateBytesPerSecond)),
                ])
            }
        }
        return table
    }
}
