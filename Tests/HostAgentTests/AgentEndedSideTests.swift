import FoundationEssentials
import Hypervisor
import Messages
import Testing

@testable import HostAgent

/// Sides of protections that are over: nothing fences a guest for them any more.
@Suite(.serialized) struct AgentEndedSideTests {
    private func duty(_ protection: String, _ guest: String, generation: UInt64, active: Bool) -> Duty {
        var duty = Duty()
        duty.protection = protection
        duty.guestUuid = guest
        duty.generation = generation
        duty.active = active
        duty.fenceAction = .shutDown
        return duty
    }

    /// The replica was kept, or this host was away when the guest was unprotected, so nobody said here that it is over.
    @Test func aGuestThatIsProtectedAnewIsNotFencedForTheProtectionBefore() async throws {
        try await withAgentSite { site in
            site.vault.tell([duty(site.protection, site.guest, generation: 2, active: false)])
            try await site.withAgent { agent in
                try await poll("the guest is off") { try await agent.power() == .shutOff }
                let other = UUID().uuidString.lowercased()
                site.vault.tell([duty(other, site.guest, generation: 1, active: true)])
                try await poll("the side is forgotten") { try await agent.describeSide().generation == 0 }
                try await agent.hypervisor.start(guest: site.guest)
                let before = site.vault.heard.reports.count
                try await poll("two more reports were answered") { site.vault.heard.reports.count > before + 1 }
                #expect(try await agent.power() == .running)
            }
        }
    }

    @Test func aSideThatWasReleasedIsForgottenAlsoByAnAgentThatWasStartedAgain() async throws {
        try await withAgentSite { site in
            let told = duty(site.protection, site.guest, generation: 2, active: false)
            site.vault.tell([told])
            try await site.withAgent { agent in
                try await poll("the side is known") { try await agent.describeSide().generation == 2 }
                try await agent.releaseSource(generation: 2)
                // As long as it is named, it is one.
                let before = site.vault.heard.reports.count
                try await poll("another report was answered") { site.vault.heard.reports.count > before + 1 }
                #expect(try await agent.describeSide().generation == 2)
            }
            site.vault.tell([])
            try await site.withAgent { agent in
                try await poll("the side is forgotten") { try await agent.describeSide().generation == 0 }
            }
        }
    }

    /// A vault that lost what it knew names nothing: fences hold.
    @Test func aSideThatIsMerelyNotNamedHolds() async throws {
        try await withAgentSite { site in
            site.vault.tell([duty(site.protection, site.guest, generation: 2, active: false)])
            try await site.withAgent { agent in
                try await poll("the guest is off") { try await agent.power() == .shutOff }
                site.vault.tell([])
                let before = site.vault.heard.reports.count
                try await poll("two more reports were answered") { site.vault.heard.reports.count > before + 1 }
                #expect(try await agent.describeSide().generation == 2)
            }
        }
    }
}
