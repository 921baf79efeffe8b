import ArgumentParser
import HostAgent
import Hypervisor
import Logging
import Messages
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
        let agent: HostAgentService
        do {
            agent = try await HostAgentService.start(settings: agentSettings, hypervisor: hypervisor, logger: logger)
        } catch let error as HostAgentError {
            // With its remedy, which the log of an error leaves out.
            throw AgentFailure.end(RemoteError(answering: error), json: false)
        }
        try await ServiceRunner.run(agent, logger: logger)
        await hypervisor.close()
    }
}
