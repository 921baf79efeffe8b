import ArgumentParser
import Foundation

/// Measures Bascule beside stock tools on this machine, and writes every figure with its spread.
@main
struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bascule-bench",
        abstract: "Measures Bascule beside stock tools on this machine.",
        discussion: """
            Run it through `make bench`, which gives it a libvirtd of its own. Rounds of both sides alternate.

              bascule-bench --only initial --rounds 3
              bascule-bench --only rpo --rpo-seconds 60
              bascule-bench --only rto --keep
            """)

    @Option(
        help:
            "Only these, by commas: initial, delta, idle, rpo, workers, board; of failover rto, ten, fold; and compose."
    )
    var only = "initial,delta,idle,rpo,workers,board,rto,ten,fold,compose"

    private static let words: Set = [
        "initial", "delta", "idle", "rpo", "workers", "board", "rto", "ten", "fold", "compose",
    ]
    private var wanted: Set<String> { Set(only.split(separator: ",").map(String.init)) }

    @Option(help: "Rounds of each side where two are compared.")
    var rounds = 3

    @Option(help: "Recovery points in the journal that `rto` starts guests from.")
    var points = 500

    @Option(help: "Guests that `ten` fails over at once.")
    var guests = 10

    @Option(help: "Share of one core that each worker of `workers` may use.")
    var workerCores = 0.25

    @Option(help: "Cycles that are made due, one after the other, for each number of workers at the job board.")
    var triggers = 300

    @Option(help: "How long the guest writes as fast as it can.")
    var rpoSeconds = 180

    @Option(help: "Where the report goes.")
    var output = ".build/bench.json"

    @Flag(help: "Figures of the report that is there, and that this run does not measure, stay in it.")
    var keep = false

    @Option(help: "Folder for disks and replicas, about 12 GiB; on the disk that is to be measured.")
    var scratch = "/var/tmp"

    @Option(help: "Folder in memory, where `workers` is measured a second time; about 8 GiB.")
    var memory = "/dev/shm"

    func validate() throws {
        guard rounds >= 1, rpoSeconds >= 10 else {
            throw ValidationError("--rounds must be at least 1 and --rpo-seconds at least 10.")
        }
        guard points >= 2, guests >= 1, workerCores > 0 else {
            throw ValidationError("--points must be at least 2, --guests at least 1, and --worker-cores above 0.")
        }
        // A word that nothing is measured for would otherwise end with an empty report.
        let unknown = wanted.subtracting(Self.words).sorted()
        guard unknown.isEmpty, !wanted.isEmpty else {
            throw ValidationError(
                "--only knows \(Self.words.sorted().joined(separator: ", ")), not “\(unknown.joined(separator: ", "))”."
            )
        }
    }

    func run() async throws {
        guard ProcessInfo.processInfo.environment["BASCULE_PRIVATE_LIBVIRT"] == "1" else {
            throw ValidationError("It needs a libvirtd of its own: run `make bench`.")
        }
        var report = BenchReport(
            machine: BenchReport.describeMachine(),
            commit: try await PeerTool.run(["git", "describe", "--always", "--dirty"]),
            startedUnixSeconds: Int(Date().timeIntervalSince1970))
        if keep { try report.keepFigures(ofReportAt: output) }
        BenchLog.say("machine: \(report.machine); commit \(report.commit)")
        if wanted.contains("board") {
            try await add(JobBoardBenchmark(scratch: scratch, triggers: triggers).run(rounds: rounds), to: &report)
        }
        if !wanted.isDisjoint(with: ["initial", "delta", "idle", "rpo", "workers"]) {
            try await measureReplication(wanted, into: &report)
        }
        if !wanted.isDisjoint(with: ["rto", "ten", "fold"]) { try await measureFailover(wanted, into: &report) }
        if wanted.contains("compose") { try addCompose(to: &report) }
        try report.write(to: output)
        print("written to \(output)")
    }

    private func measureReplication(_ wanted: Set<String>, into report: inout BenchReport) async throws {
        let stage = try await BenchStage.open(scratch: scratch)
        do {
            if wanted.contains("initial") {
                try await add(InitialBenchmark(stage: stage).run(rounds: rounds), to: &report)
            }
            if wanted.contains("delta") || wanted.contains("idle") {
                try await add(
                    DeltaBenchmark(stage: stage).run(
                        rounds: rounds, delta: wanted.contains("delta"), idle: wanted.contains("idle")), to: &report)
            }
            if wanted.contains("rpo") {
                try await add(RPOBenchmark(stage: stage).run(seconds: rpoSeconds), to: &report)
            }
            // Last, because it takes the stage's own workers away.
            if wanted.contains("workers") {
                try await add(WorkersBenchmark(stage: stage, cores: workerCores).run(rounds: rounds), to: &report)
            }
        } catch {
            await stage.printLogs()
            await stage.close()
            throw error
        }
        await stage.close()
        guard wanted.contains("workers") else { return }
        // The same where no disk is the bound, and where the workers have more to do than anybody else, so that all
        // together tell what bounds them.
        try await measureWorkers(.random, inMemory: true, into: &report)
        try await measureWorkers(.programs, inMemory: false, into: &report)
    }

    private func measureWorkers(
        _ contents: BenchStage.Contents, inMemory: Bool, into report: inout BenchReport
    ) async throws {
        let stage = try await BenchStage.open(scratch: inMemory ? memory : scratch, contents: contents)
        do {
            try await add(
                WorkersBenchmark(stage: stage, contents: contents, inMemory: inMemory, cores: workerCores)
                    .run(rounds: rounds), to: &report)
        } catch {
            await stage.printLogs()
            await stage.close()
            throw error
        }
        await stage.close()
    }

    private func measureFailover(_ wanted: Set<String>, into report: inout BenchReport) async throws {
        let stage = try await FailoverStage.open(scratch: scratch)
        do {
            if wanted.contains("rto") {
                try await add(RTOBenchmark(stage: stage, points: points).run(rounds: rounds), to: &report)
            }
            if wanted.contains("ten") {
                try await add(TenGuestsBenchmark(stage: stage, count: guests).run(rounds: rounds), to: &report)
            }
            if wanted.contains("fold") {
                try await add(CommitBenchmark(stage: stage).run(rounds: rounds), to: &report)
            }
        } catch {
            stage.printLogs()
            await stage.close()
            throw error
        }
        await stage.close()
    }

    /// Measured before, by Scripts/run-benchmarks, because containers need an engine and not a libvirtd.
    private func addCompose(to report: inout BenchReport) throws {
        guard let measured = try ComposeFigures.read() else {
            report.skipped["compose"] = "no container engine could be started, or the demo in containers failed"
            print("SKIPPED compose: \(report.skipped["compose"] ?? "")")
            return
        }
        try add(measured.figures, to: &report)
    }

    /// Written at once, so that what was measured is kept when something later fails.
    private func add(_ figures: [Figure], to report: inout BenchReport) throws {
        for figure in figures {
            report.add(figure, nowUnixSeconds: Int(Date().timeIntervalSince1970))
            BenchLog.say(figure.line)
        }
        try report.write(to: output)
    }
}
