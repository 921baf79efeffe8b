package import ArgumentParser

/// What the command line of every service takes.
package struct ServiceOptions: ParsableArguments {
    @Option(help: "A YAML file with settings.")
    package var config: String?

    @Flag(help: "Ask the running service how it is, and end: with 0 when it is well, with 1 when it is not.")
    package var askHealth = false

    package init() {}

    /// The settings to serve with, once logging has begun at the level that they say.
    ///
    /// - Parameter keys: without the common ones; `listen` is among them.
    /// - Throws: `ServiceSettingsError`; and `ExitCode` when it was to ask the running service only, which it has done
    ///   then.
    package func settings(_ keys: [SettingKey]) async throws -> ServiceSettings {
        let settings = try await ServiceSettings.read(keys, file: config)
        if askHealth {
            let probe = await HealthProbe.ask(at: try settings.endpoint("listen"))
            print(probe.sentence)
            throw probe.isWell ? ExitCode.success : ExitCode.failure
        }
        ServiceRunner.startLogging(level: try settings.logLevel)
        return settings
    }
}
