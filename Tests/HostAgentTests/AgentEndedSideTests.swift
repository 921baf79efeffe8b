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

    /// Its side is forgotten, and whoever recovers it takes the next generation. That of a side that is active is its own.
    @Test(arguments: zip([false, true], [3, 1] as [UInt64]))
    func aReplicaThatIsKeptRemembersWhichGenerationWasTheOtherSides(isActive: Bool, remembered: UInt64) async throws {
        try await withTwoSites { sites in
            try await sites.run { source, target in
                try await source.cycle(1, .full, parent: 0, to: target)
                try await target.setSide(active: isActive, generation: 3)
                #expect(try await target.describe().generation == 1)
                // A message may come twice.
                for _ in 0..<2 {
                    try await target.releaseSource(generation: 3)
                    #expect(try await target.describe().generation == remembered)
                }
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
