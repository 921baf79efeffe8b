import FoundationEssentials
import Hypervisor
import Messages
import Testing

@testable import HostAgent

/// Captures that nobody keeps alive are ended, whatever becomes of others.
@Suite struct AgentWatchdogTests {
    @Test func aGuestThatHangsHoldsUpNoOther() async throws {
        try await withAgentSite { site in
            let hypervisor = site.hypervisor
            let other = hypervisor.addGuest(
                name: "other", uuid: UUID().uuidString.lowercased(), disks: [("vda", AgentHarness.diskBytes)])
            try await site.withAgent { agent in
                let neighbour = AgentHarness(
                    protection: UUID().uuidString.lowercased(), guest: other, settings: agent.settings,
                    hypervisor: hypervisor, agent: agent.agent, bus: agent.bus, client: agent.client)
                hypervisor.hang(site.guest)
                let hanging = Task { try await agent.capture(1, .full, parent: 0) }
                do {
                    try await poll("a capture hangs") { hypervisor.calls(of: .openCapture) == 1 }
                    // Longer than the watchdog's interval, so that it comes by the one that hangs first.
                    _ = try await neighbour.capture(1, .full, parent: 0, keepMs: 1_500)
                    #expect(hypervisor.hasOpenCapture(other))
                    try await poll("the other, which nobody keeps, is ended") { !hypervisor.hasOpenCapture(other) }
                } catch {
                    hypervisor.letGo(site.guest)
                    throw error
                }
                hypervisor.letGo(site.guest)
                #expect(try await hanging.value.cycle == 1)
            }
        }
    }

    @Test func aGuestThatHangsKeepsTheEndOfTheAgentFromNoOther() async throws {
        try await withAgentSite { site in
            let hypervisor = site.hypervisor
            let others = (1...6).map {
                hypervisor.addGuest(
                    name: "other\($0)", uuid: UUID().uuidString.lowercased(), disks: [("vda", AgentHarness.diskBytes)])
            }
            try await site.withAgent { agent in
                _ = try await agent.capture(1, .full, parent: 0)
                for other in others {
                    let neighbour = AgentHarness(
                        protection: UUID().uuidString.lowercased(), guest: other, settings: agent.settings,
                        hypervisor: hypervisor, agent: agent.agent, bus: agent.bus, client: agent.client)
                    _ = try await neighbour.capture(1, .full, parent: 0)
                }
                hypervisor.hang(site.guest)
                defer { hypervisor.letGo(site.guest) }
                agent.agent.stop()
                try await poll("the others are ended") { !others.contains(where: hypervisor.hasOpenCapture) }
                #expect(hypervisor.hasOpenCapture(site.guest))
            }
            #expect(!hypervisor.hasOpenCapture(site.guest))
        }
    }
}
