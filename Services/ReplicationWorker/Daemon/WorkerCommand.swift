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
        discussion: SettingKey.table(WorkerSettings.keys + SettingKey.common), version: BasculeVersion.current)

    @OptionGroup var options: ServiceOptions

    func run() async throws {
        let settings = try await options.settings(WorkerSettings.keys)
        let logger = Logger(label: "worker")
        let worker = try await WorkerService.start(
            settings: try WorkerSettings(settings), connector: NBDConnector(), logger: logger)
        try await ServiceRunner.run(worker, logger: logger)
    }
}
