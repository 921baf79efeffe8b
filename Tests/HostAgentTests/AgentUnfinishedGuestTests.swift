import Hypervisor
import Messages
import Testing

@testable import HostAgent

/// A guest that is off, and of which the disks at its host are not all there is.
@Suite struct AgentUnfinishedGuestTests {
    @Test func aGuestWhoseMemoryIsSavedIsNeitherHandedOverNorAdopted() async throws {
        try await withAgentSite { site in
            try await site.withAgent { agent in
                try await agent.setSide(active: true, generation: 2)
                try agent.hypervisor.saveMemory(of: agent.guest)
                await Self.expectRefusal("memory is saved") { try await agent.stopGuest(generation: 2) }
                try await agent.setSide(active: false, generation: 3)
                await Self.expectRefusal("memory is saved") { try await agent.adoptDisks(2, generation: 3) }
                // Its operator starts it, and it is what it was.
                try await agent.hypervisor.start(guest: agent.guest)
                #expect(try await agent.stopGuest(generation: 3).wasRunning)
            }
        }
    }

    @Test func aGuestThatWasMigratedAwayIsNotTakenForOneThatIsOff() async throws {
        try await withAgentSite { site in
            try await site.withAgent { agent in
                try await agent.setSide(active: true, generation: 2)
                try agent.hypervisor.migrateAway(agent.guest)
                await Self.expectRefusal("migrated") { try await agent.stopGuest(generation: 2) }
                await Self.expectRefusal("migrated") { try await agent.startGuest(generation: 2) }
                await Self.expectRefusal("migrated", isRetryable: true) {
                    try await agent.capture(1, .full, parent: 0, generation: 2)
                }
                try await agent.setSide(active: false, generation: 3)
                await Self.expectRefusal("migrated") { try await agent.adoptDisks(2, generation: 3) }
                #expect(try await agent.power() == .shutOff)
            }
        }
    }

    /// Whoever asks whether the guest is off, and changes nothing, hears it, too: active, and once another side is.
    @Test func aSideTellsOfAGuestThatIsOffAndMoreThanItsDisks() async throws {
        try await withAgentSite { site in
            try await site.withAgent { agent in
                try await agent.setSide(active: true, generation: 2)
                try agent.hypervisor.migrateAway(agent.guest)
                let active = try await agent.describeSide()
                #expect(active.power == .shutOff && active.alarm.contains("migrated"))
                #expect(active.alarm.contains("virsh start"), "and what to do")
                try await agent.setSide(active: false, generation: 3)
                #expect(try await agent.describeSide().alarm == active.alarm)
            }
        }
    }

    private static func expectRefusal(
        _ reason: String, isRetryable: Bool = false, _ body: () async throws -> some Any
    ) async {
        await #expect {
            _ = try await body()
        } throws: {
            guard let error = $0 as? RemoteError else { return false }
            return error.code == .failedPrecondition && error.retryable == isRetryable
                && error.message.contains(reason) && !error.remedy.isEmpty
        }
    }
}
