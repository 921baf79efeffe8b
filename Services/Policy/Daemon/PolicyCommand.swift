import ArgumentParser
import Logging
import Policy
import ServiceRuntime

/// `bascule-policy`: settings, logs, signals. It decides nothing.
@main
struct PolicyCommand: AsyncParsableCommand {
    private static let keys = [
        SettingKey("state", .required, "directory of the database; made when it does not exist"),
        SettingKey("listen", .value("tcp://127.0.0.1:7711"), "where requests are answered"),
        SettingKey("vault", .value("tcp://127.0.0.1:7701"), "where the vault answers"),
        SettingKey("vaultEvents", .value("tcp://127.0.0.1:7702"), "where the vault publishes"),
        SettingKey(
            "jobsPerHost", .value("\(JobLimits.perHostDefault)"),
            "transfer jobs that read from or write to one host at once; 0: no limit"),
        SettingKey(
            "jobsPerSitePair", .value("\(JobLimits.perSitePairDefault)"),
            "transfer jobs between two sites at once; 0: no limit"),
    ]

    static let configuration = CommandConfiguration(
        commandName: "bascule-policy",
        abstract: "Decides when each protection is copied, and hands the work to replication workers.",
        discussion: SettingKey.table(keys + SettingKey.common),
        version: BasculeVersion.current)

    @OptionGroup var options: ServiceOptions

    func run() async throws {
        let settings = try await options.settings(Self.keys)
        let logger = Logger(label: "policy")
        let service = try await PolicyService.start(
            settings: PolicyServiceSettings(
                state: try settings.text("state"), listen: try settings.endpoint("listen"),
                vault: try settings.endpoint("vault"), vaultEvents: try settings.endpoint("vaultEvents"),
                jobLimits: JobLimits(
                    perHost: try settings.number("jobsPerHost", in: 0...100_000),
                    perSitePair: try settings.number("jobsPerSitePair", in: 0...100_000))),
            logger: logger)
        try await ServiceRunner.run(service, logger: logger)
    }
}
