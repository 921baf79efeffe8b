import ArgumentParser
import BlockDevice
import Logging
import ReplicationWorker
import ServiceRuntime

/// The replication worker as a process: settings, wiring, signals. What it does is in `WorkerService`.
@main
struct WorkerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bascule-worker",
        abstract: "Pulls transfer jobs and moves what changed from guests' disks to their replicas.",
        discussion: SettingKey.table(WorkerSettings.keys), version: BasculeVersion.current)

    @Option(help: "A YAML file with settings.")
    var config: String?

    @Flag(help: "Ask the running service how it is, and end: with 0 when it is well, with 1 when it is not.")
    var askHealth = false

    func run() async throws {
        let settings = try await ServiceSettings.read(WorkerSettings.keys, file: config)
        if askHealth {
            let probe = await HealthProbe.ask(at: try settings.endpoint("listen"))
            print(probe.sentence)
            throw probe.isWell ? ExitCode.success : ExitCode.failure
        }
        ServiceRunner.startLogging(level: try settings.logLevel)
        let logger = Logger(label: "worker")
        let worker = try await WorkerService.start(
            settings: try WorkerSettings(settings), connector: NBDConnector(), logger: logger)
        try await ServiceRunner.run(worker, logger: logger)
    }
}
