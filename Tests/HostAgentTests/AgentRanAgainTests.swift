import BlockDevice
import Hypervisor
import MessageBus
import Messages
import Testing

@testable import HostAgent

/// A guest that somebody starts after it was stopped by command, and shuts down once more, is off as it was. What it wrote
/// is in no point that was captured before, so whoever asks is told.
@Suite(.serialized) struct AgentRanAgainTests {
    /// QEMU writes to an image when it opens it, and that is all that is seen of a guest that is off again.
    private func runByHand(_ agent: AgentHarness, _ journey: Journey, _ image: String) async throws {
        try await agent.hypervisor.start(guest: agent.guest)
        try journey.write(randomBytes(Int(AgentHarness.diskBytes)), to: image, backing: nil)
        try await agent.hypervisor.shutdown(guest: agent.guest)
        #expect(try await agent.power() == .shutOff)
    }

    @Test func aGuestThatRanAgainIsToldOf() async throws {
        try await withTwoSites { sites in
            let journey = Journey(sites: sites, crash: CrashAt(nil))
            try await sites.run { a, b in
                a.hypervisor.write(randomBytes(300_000), to: a.guest, "vda", at: 100_000)
                try journey.write(a.hypervisor.contents(of: a.guest, "vda").contents, to: journey.image, backing: nil)
                a.hypervisor.place("vda", of: a.guest, at: journey.image)
                try await a.stopGuest(generation: 1)
                #expect(try await a.describeSide().alarm.isEmpty)
                try await a.cycle(1, .full, parent: 0, to: b)
                #expect(try await a.describeSide().alarm.isEmpty)
                try await runByHand(a, journey, journey.image)
            }
            try await sites.run { a, b in
                let told = try await a.describeSide()
                #expect(told.power == .shutOff && told.alarm.contains("ran again"), "\(told.alarm)")
                #expect(told.alarm.contains("vda"))
                try await a.setSide(active: false, generation: 2)
                #expect(try await a.describeSide().alarm == told.alarm)
                // Stopped by command once more, it is as it was left.
                try await a.stopGuest(generation: 2)
                #expect(try await a.describeSide().alarm.isEmpty)
                // Of one that is on, only where it may not run.
                try await a.setSide(active: true, generation: 3)
                try await a.startGuest(generation: 3)
                try journey.write(randomBytes(Int(AgentHarness.diskBytes)), to: journey.image, backing: nil)
                #expect(try await a.describeSide().alarm.isEmpty)
                try await a.stopGuest(generation: 3)
                // Once they are the base of a replica, it is replication that writes to its disks.
                try await a.setSide(active: false, generation: 4)
                _ = try await b.startReplica(1, .failover, generation: 4)
                try await a.adoptDisks(1, generation: 4, diverged: true)
                #expect(try await a.describeSide().alarm.isEmpty)
            }
        }
    }

    /// Failing back: the agent itself puts the overlay on its base when the guest is off, and that is told of at no time.
    @Test func soIsAReplicasGuestAndWhatTheAgentChangesIsNoRunOfIt() async throws {
        try await withTwoSites { sites in
            let journey = Journey(sites: sites, crash: CrashAt(nil))
            try await journey.runToReplicatedBack()
            try await sites.run { a, b in
                try await journey.settled(b)
                try await b.stopGuest(generation: 2)
                #expect(try await b.describeSide().alarm.isEmpty)
                try await poll("the overlay is put on its base") {
                    let isOnBase = b.hypervisor.isOnBase(b.guest)
                    let alarm = try await b.describeSide().alarm
                    #expect(alarm.isEmpty)
                    return isOnBase
                }
                try await b.cycle(4, .incremental, parent: 3, generation: 2, to: a)
                #expect(try await b.describeSide().alarm.isEmpty)
                let overlay = try await b.hypervisor.describe(guest: b.guest).disks[0].source
                try await runByHand(b, journey, overlay)
                let told = try await b.describeSide()
                #expect(told.power == .shutOff && told.alarm.contains("ran again"), "\(told.alarm)")
            }
        }
    }
}
