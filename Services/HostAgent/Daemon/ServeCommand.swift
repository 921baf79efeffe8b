import ArgumentParser
import HostAgent
import Hypervisor
import Logging
import ServiceRuntime

/// Runs the agent until it is stopped: settings, wiring, signals.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Runs the agent until it is stopped.",
        discussion: SettingKey.table(HostAgentSettings.keys + SettingKey.common))

    @OptionGroup var options: ServiceOptions

    func run() async throws {
        let settings = try await options.settings(HostAgentSettings.keys)
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
