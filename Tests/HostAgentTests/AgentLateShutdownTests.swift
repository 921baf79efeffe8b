import Hypervisor
import MessageBus
import Messages
import Testing

@testable import HostAgent

/// A guest that needs longer to shut down than it is given, by command.
@Suite(.serialized) struct AgentLateShutdownTests {
    /// As a planned failover does that gives up: the guest is told, does not listen in time, and is wanted on.
    private func stopInVain(_ agent: AgentHarness, generation: UInt64) async throws {
        agent.hypervisor.setHearsPowerButton(false, of: agent.guest)
        let error = try await #require(throws: RemoteError.self) {
            try await agent.stopGuest(generation: generation, limitMs: 10)
        }
        #expect(error.code == .deadlineExceeded)
        #expect(error.message.contains("may go off yet") && error.message.contains("started again"), "\(error)")
        try await agent.startGuest(generation: generation)
        #expect(try await agent.power() == .running)
    }

    @Test func oneThatGoesOffAfterItWasWantedOnRunsAgain() async throws {
        try await withAgentSite { site in
            site.vault.tell([])
            try await site.withAgent { agent in
                try await agent.setSide(active: true, generation: 2)
                try await stopInVain(agent, generation: 2)
                try await agent.hypervisor.shutdown(guest: agent.guest)
                try await poll("it runs again") { try await agent.power() == .running }
                // The next shutdown is somebody's own.
                try await agent.hypervisor.shutdown(guest: agent.guest)
                try await reported(site)
                #expect(try await agent.power() == .shutOff)
            }
        }
    }

    @Test func theWishOutlivesTheAgent() async throws {
        try await withAgentSite { site in
            site.vault.tell([])
            try await site.withAgent { agent in
                try await agent.setSide(active: true, generation: 2)
                try await stopInVain(agent, generation: 2)
            }
            try await site.hypervisor.shutdown(guest: site.guest)
            try await site.withAgent { agent in
                try await poll("it runs again") { try await agent.power() == .running }
            }
        }
    }

    @Test func aStartThatFailsIsTriedAgain() async throws {
        try await withAgentSite { site in
            site.vault.tell([])
            try await site.withAgent { agent in
                try await agent.setSide(active: true, generation: 2)
                try await stopInVain(agent, generation: 2)
                agent.hypervisor.fail(.start, with: HypervisorError(.operationFailed, "Not now."), times: 2)
                try await agent.hypervisor.shutdown(guest: agent.guest)
                try await poll("it runs again") { try await agent.power() == .running }
            }
        }
    }

    @Test func withAnotherStopOrAnotherSideBetweenItStaysOff() async throws {
        for takesSide in [false, true] {
            try await withAgentSite { site in
                site.vault.tell([])
                try await site.withAgent { agent in
                    try await agent.setSide(active: true, generation: 2)
                    try await stopInVain(agent, generation: 2)
                    if takesSide {
                        try await agent.setSide(active: false, generation: 3)
                        try await agent.hypervisor.shutdown(guest: agent.guest)
                    } else {
                        #expect(
                            await refusal { try await agent.stopGuest(generation: 2, limitMs: 10) }
                                == .deadlineExceeded)
                        try await agent.hypervisor.shutdown(guest: agent.guest)
                    }
                    try await reported(site)
                    #expect(try await agent.power() == .shutOff)
                }
            }
        }
    }

    /// It looks at every press, so it is recalled at the next one.
    @Test func aFenceThatIsRecalledDoesNotEndTheGuest() async throws {
        try await withAgentSite { site in
            site.vault.tell([])
            try await site.withAgent { agent in
                agent.hypervisor.setHearsPowerButton(false, of: agent.guest)
                let presses = AsyncStream.makeStream(of: Void.self)
                let recalled = AsyncStream.makeStream(of: Void.self)
                agent.hypervisor.beforeStop {
                    presses.continuation.finish()
                    for await _ in recalled.stream {}
                }
                try await agent.setSide(active: false, generation: 2, fence: .shutDown)
                for await _ in presses.stream {}
                // Cancelled: the guest is wanted on here, after the fence told it to shut down.
                try await agent.setSide(active: true, generation: 3)
                try await agent.startGuest(generation: 3)
                recalled.continuation.finish()
                try await reported(site)
                #expect(try await agent.power() == .running)
                #expect(agent.hypervisor.calls(of: .stopGuest) == 1)
                // It heard the fence after all.
                try await agent.hypervisor.shutdown(guest: agent.guest)
                try await poll("it runs again") { try await agent.power() == .running }
            }
        }
    }

    /// Waits until a report was made and answered that began after now: whatever is to be done is done or asked for then.
    private func reported(_ site: AgentSite) async throws {
        let before = site.vault.heard.reports.count
        try await poll("two more reports") { site.vault.heard.reports.count > before + 1 }
    }
}
