import FoundationEssentials
import Hypervisor
import LocalPorts
import Logging
import MessageBus
import Messages

@testable import HostAgent

/// What an agent needs to be started again where another one ended.
struct AgentSite: Sendable {
    let directory: String
    let hypervisor: InMemoryHypervisor
    let vault: ScriptedVault
    let protection: String
    let guest: String

    init(directory: String, vault: ScriptedVault) {
        self.init(directory: directory, vault: vault, hypervisor: InMemoryHypervisor())
        hypervisor.addGuest(name: "guest", uuid: guest, disks: [("vda", AgentHarness.diskBytes)])
    }

    /// A site without a guest.
    init(
        directory: String, vault: ScriptedVault, hypervisor: InMemoryHypervisor,
        protection: String = UUID().uuidString.lowercased(), guest: String = UUID().uuidString.lowercased()
    ) {
        self.directory = directory
        self.vault = vault
        self.hypervisor = hypervisor
        self.protection = protection
        self.guest = guest
    }

    enum Ending { case inOrder, asAfterACrash }

    var settings: HostAgentSettings {
        HostAgentSettings(
            name: "host", site: "site", cloud: "cloud", state: "\(directory)/state", listen: LocalPorts.endpoint(),
            bulkListen: LocalPorts.endpoint(), vault: vault.endpoint, replicas: "\(directory)/replicas")
    }

    /// Runs an agent while `body` does.
    func withAgent(
        ending: Ending = .inOrder, change: (inout HostAgentSettings) -> Void = { _ in },
        steps: @escaping StartedStepHook = { _ in }, _ body: (AgentHarness) async throws -> Void
    ) async throws {
        var settings = settings
        change(&settings)
        var logger = Logger(label: "agent")
        logger.logLevel = .critical
        let agent = try await HostAgentService.start(
            settings: settings, hypervisor: hypervisor, logger: logger, steps: steps)
        let bus = MessageBus(name: "policy/test", logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await agent.run() }
            let client = try await bus.client(to: agent.endpoint)
            let harness = AgentHarness(
                protection: protection, guest: guest, settings: settings, hypervisor: hypervisor, agent: agent,
                bus: bus, client: client)
            try await poll("the agent is ready") {
                if case .healthReply(let health) = try await client.call(.healthRequest(HealthRequest())).body {
                    // A side with an alarm is ready, too.
                    return !health.details.contains { $0.contains("hypervisor could not be reached") }
                }
                return false
            }
            do {
                try await body(harness)
            } catch {
                agent.stop()
                await bus.shutdown()
                throw error
            }
            await bus.shutdown()
            switch ending {
            case .inOrder: agent.stop()
            case .asAfterACrash: group.cancelAll()
            }
            try await group.waitForAll()
        }
    }
}

func withAgentSite(_ body: (AgentSite) async throws -> Void) async throws {
    try await withTemporaryDirectory { directory in
        let vault = try await ScriptedVault.start()
        do {
            try await body(AgentSite(directory: directory, vault: vault))
        } catch {
            await vault.stop()
            throw error
        }
        await vault.stop()
    }
}
