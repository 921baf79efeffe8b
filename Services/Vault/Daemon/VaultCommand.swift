import ArgumentParser
import Logging
import ServiceRuntime
import Vault

/// `bascule-vault`: settings, logs, signals. It decides nothing.
@main
struct VaultCommand: AsyncParsableCommand {
    private static let keys = [
        SettingKey("state", .required, "directory of the database; made when it does not exist"),
        SettingKey("listen", .value("tcp://127.0.0.1:7701"), "where requests are answered"),
        SettingKey("publish", .value("tcp://127.0.0.1:7702"), "where events are published"),
    ]

    static let configuration = CommandConfiguration(
        commandName: "bascule-vault",
        abstract: "Keeps the registry of sites, clouds, hosts, guests and protections.",
        discussion: SettingKey.table(keys + SettingKey.common),
        version: BasculeVersion.current)

    @OptionGroup var options: ServiceOptions

    func run() async throws {
        let settings = try await options.settings(Self.keys)
        let logger = Logger(label: "vault")
        let service = try await VaultService.start(
            settings: VaultSettings(
                state: try settings.text("state"), listen: try settings.endpoint("listen"),
                publish: try settings.endpoint("publish")),
            logger: logger)
        try await ServiceRunner.run(service, logger: logger)
    }
}
