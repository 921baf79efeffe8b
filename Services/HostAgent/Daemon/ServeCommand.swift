import ArgumentParser
import HostAgent
import Hypervisor
import Logging
import ServiceRuntime

/// Runs the agent until it is stopped: settings, wiring, signals.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Runs the agent until it is stopped.",
        discussion: SettingKey.table(HostAgentSettings.keys))

    @Option(help: "A YAML file with settings.")
    var config: String?

    @Flag(help: "Ask the running service how it is, and end: with 0 when it is well, with 1 when it is not.")
    var askHealth = false

    func run() async throws {
        let settings = try await ServiceSettings.read(HostAgentSettings.keys, file: config)
        if askHealth {
            let probe = await HealthProbe.ask(at: try settings.endpoint("listen"))
            print(probe.sentence)
            throw probe.isWell ? ExitCode.success : ExitCode.failure
        }
        ServiceRunner.startLogging(level: try settings.logLevel)
        let logger = Logger(label: "agent")
        let agentSettings = try HostAgentSettings(settings)
        let libvirt = LibvirtSettings(
            uri: try settings.text("hypervisor"), directory: agentSettings.capturesDirectory)
        let hypervisor = DeferredHypervisor { try await LibvirtHypervisor.connect(libvirt, logger: logger) }
        let agent = try await HostAgentService.start(settings: agentSettings, hypervisor: hypervisor, logger: logger)
        try await ServiceRunner.run(agent, logger: logger)
        await hypervisor.close()
    }
}
