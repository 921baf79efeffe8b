import BlockDevice
import FoundationEssentials
import Hypervisor

@testable import HostAgent

/// A guest at one host and its replica at another, each with an agent of its own.
struct TwoSites: Sendable {
    let source: AgentSite
    let target: AgentSite

    /// Runs both agents while `body` does.
    func run(
        ending: AgentSite.Ending = .inOrder, steps: @escaping StartedStepHook = { _ in },
        _ body: (_ source: AgentHarness, _ target: AgentHarness) async throws -> Void
    ) async throws {
        try await source.withAgent(ending: ending, change: Self.withPlugin, steps: steps) { source in
            try await target.withAgent(ending: ending, change: Self.withPlugin, steps: steps) { target in
                try await body(source, target)
            }
        }
    }

    /// Runs the target's agent alone.
    func runTarget(
        ending: AgentSite.Ending = .inOrder, steps: @escaping StartedStepHook = { _ in },
        _ body: (_ target: AgentHarness) async throws -> Void
    ) async throws {
        try await target.withAgent(ending: ending, change: Self.withPlugin, steps: steps, body)
    }

    private static func withPlugin(_ settings: inout HostAgentSettings) {
        settings.nbdkitPlugin = ViewPluginForTests.path
    }
}

func withTwoSites(_ body: (TwoSites) async throws -> Void) async throws {
    try await withTemporaryDirectory { directory in
        let vault = try await ScriptedVault.start()
        // What one side exports the test's worker reads for the other.
        let connector = MemoryBlockReaderConnector()
        let source = AgentSite(
            directory: "\(directory)/a", vault: vault, hypervisor: InMemoryHypervisor(name: "a", connector: connector))
        source.hypervisor.addGuest(
            name: "guest", uuid: source.guest, disks: [("vda", AgentHarness.diskBytes)])
        let target = AgentSite(
            directory: "\(directory)/b", vault: vault, hypervisor: InMemoryHypervisor(name: "b", connector: connector),
            protection: source.protection, guest: source.guest)
        let sites = TwoSites(source: source, target: target)
        do {
            try await body(sites)
        } catch {
            await endViews(of: target, source)
            await vault.stop()
            throw error
        }
        await endViews(of: target, source)
        await vault.stop()
    }
}

/// A test that fails leaves no process behind.
private func endViews(of sites: AgentSite...) async {
    for site in sites {
        let name = site.protection.filter { $0 != "-" }.prefix(16)
        for end in ["", "-t"] {
            GuestViewProcess.find(socket: "\(site.directory)/state/guests/\(name)\(end).sock")?.forceEnd()
        }
    }
}

func withBothAgents(
    _ body: (_ sites: TwoSites, _ source: AgentHarness, _ target: AgentHarness) async throws -> Void
) async throws {
    try await withTwoSites { sites in
        try await sites.run { source, target in try await body(sites, source, target) }
    }
}
