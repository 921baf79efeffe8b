import Foundation
import LocalSites
import MessageBus
import Messages
import TestGuest
import Testing

/// A host agent that is killed with a backup job open in a guest, and is not started again.
@Suite(.serialized, .enabled(if: Prerequisites.met, "\(Prerequisites.missing ?? "")"))
struct AbandonedJobTests {
    @Test(.timeLimit(.minutes(6)))
    func aJobEndsThoughItsAgentIsKilledAndStaysAway() async throws {
        try await Scenario.run("alone", disks: [64 << 20], recordsPerSecond: 50, stallableLink: true) { two, guest in
            let protection = try await two.client.protect(guest.name).id
            let newest = try await two.client.waitForPoint(after: 0, of: protection, within: .seconds(90))
            let link = try #require(two.link)
            link.stall()
            // The cycle that can not send keeps its capture open.
            _ = try await eventually("a backup job stays open", within: .seconds(30)) {
                let isOpen = try await two.client.status(protection)?.cycleOpen == true
                let job = try await guest.job
                return isOpen && job != "None" ? true : nil
            }
            try await two.sites.crash("primary")
            let killed = ContinuousClock.now
            _ = try await eventually("the job ends with nobody there to end it", within: .seconds(20)) {
                try await guest.job == "None" ? true : nil
            }
            print("alone: the job ended \(killed.duration(to: .now)) after its agent was killed")
            link.join()

            try await two.sites.start("primary")
            try await two.client.waitForPoint(after: newest + 1, of: protection, within: .seconds(90))
            try await two.quiesce(protection)
            #expect(try await two.comparePoints(of: protection, disks: ["vda"]).faults == [])
            #expect(try await Leftovers.find(of: guest, in: two.sites, protection: protection) == [])
            #expect(guest.console.writeErrors == [])
        }
    }
}
