import ArgumentParser
import FailoverOrchestrator
import Logging
import ServiceRuntime

/// `bascule-orchestrator`: settings, logs, signals. It decides nothing.
@main
struct OrchestratorCommand: AsyncParsableCommand {
    private static let keys = [
        SettingKey("state", .required, "directory of the database; made when it does not exist"),
        SettingKey("listen", .value("tcp://127.0.0.1:7741"), "where requests are answered"),
        SettingKey("vault", .value("tcp://127.0.0.1:7701"), "where the vault answers"),
        SettingKey("policy", .value("tcp://127.0.0.1:7711"), "where the policy service answers"),
    ]

    static let configuration = CommandConfiguration(
        commandName: "bascule-orchestrator",
        abstract: "Takes guests from site to site, step by step, and back.",
        discussion: SettingKey.table(keys + SettingKey.common),
        version: BasculeVersion.current)

    @OptionGroup var options: ServiceOptions

    func run() async throws {
        let settings = try await options.settings(Self.keys)
        let logger = Logger(label: "orchestrator")
        let service = try await OrchestratorService.start(
            settings: OrchestratorSettings(
                state: try settings.text("state"), listen: try settings.endpoint("listen"),
                vault: try settings.endpoint("vault"), policy: try settings.endpoint("policy")),
            logger: logger)
        try await ServiceRunner.run(service, logger: logger)
    }
}
