import Foundation
import LocalSites
import Messages
import TestGuest
import Testing

/// A real guest replicated by real processes, judged by stock tools: `nbdcopy` and `sha256sum` on the fleecing export at
/// every capture, and the guest's own numbered records.
@Suite(.serialized, .enabled(if: Prerequisites.met, "\(Prerequisites.missing ?? "")"))
struct ReplicationTests {
    /// Twenty points in a row while the guest writes to two disks, then every service is killed or stalled in turn while
    /// it goes on writing. Each listed point must be exactly what the disks held, and nothing may stay behind.
    @Test(.timeLimit(.minutes(12)))
    func everyPointUnderLoadAndCrashesIsWhatTheDisksHeld() async throws {
        try await Scenario.run("points", disks: [128 << 20, 96 << 20], recordsPerSecond: 150) { two, guest in
            let protection = try await two.client.protect(guest.name).id
            var newest = try await two.client.waitForPoint(after: 0, of: protection, within: .seconds(90))
            try await guest.tell("random 8 1")
            for _ in 0..<20 {
                newest = try await two.client.waitForPoint(after: newest, of: protection, within: .seconds(60))
            }
            for victim in ["worker-1", "policy", "primary", "secondary", "vault"] {
                // Enough to be in the middle of something when it dies.
                try await guest.tell("random 24 \(newest)")
                try await two.sites.crash(victim)
                // The vault's absence must not stop replication; everything else is started again at once.
                if victim == "vault" {
                    newest = try await two.client.waitForPoint(
                        after: newest + 1, of: protection, ignoringEnded: "vault", within: .seconds(60))
                }
                try await two.sites.start(victim)
                let before = newest
                newest = try await two.client.waitForPoint(after: before + 1, of: protection, within: .seconds(90))
            }
            #expect(guest.console.writeErrors == [])

            try await two.quiesce(protection)
            let (compared, faults) = try await two.comparePoints(of: protection, disks: ["vda", "vdb"])
            #expect(faults == [])
            #expect(compared >= 26, "twenty in a row, and some around each crash")
            let newestRecord = try await two.newestRecord(
                of: guest, protection: protection, cycle: try #require(await two.client.points(protection).last?.cycle))
            #expect(newestRecord > 0)
            #expect(try await Leftovers.find(of: guest, in: two.sites, protection: protection) == [])
        }
    }

    /// A link that stops passing bytes in the middle of a transfer: points resume by themselves once it passes again.
    @Test(.timeLimit(.minutes(8)))
    func aStalledLinkOnlyDelaysPoints() async throws {
        try await Scenario.run("stall", disks: [256 << 20], recordsPerSecond: 100, stallableLink: true) { two, guest in
            let protection = try await two.client.protect(guest.name).id
            let newest = try await two.client.waitForPoint(after: 0, of: protection, within: .seconds(90))
            let link = try #require(two.link)
            link.stall()
            try await guest.tell("random 48 9")
            // The open cycle fails when its worker's channel is silent; that it is noticed shows in the status.
            _ = try await eventually("the stall is noticed", within: .seconds(90)) {
                let status = try await two.client.status(protection)
                return status.map { $0.failuresInARow > 0 || $0.health.level != .normal } == true ? true : nil
            }
            link.join()
            try await two.client.waitForPoint(after: newest + 1, of: protection, within: .seconds(60))
            try await two.quiesce(protection)
            #expect(try await two.comparePoints(of: protection, disks: ["vda"]).faults == [])
            #expect(guest.console.writeErrors == [])
            #expect(try await Leftovers.find(of: guest, in: two.sites, protection: protection) == [])
        }
    }

    /// The target's file system fills: the cycle fails with a clear reason, nothing partial stays, and points resume
    /// when there is room again.
    @Test(.disabled("not seen to pass yet: placement refuses so small a target"), .timeLimit(.minutes(8)))
    func aFullTargetDiskIsToldAndRecoveredFrom() async throws {
        try await Scenario.run("full", disks: [256 << 20], recordsPerSecond: 20, smallTargetMebibytes: 160) {
            two, guest in
            let protection = try await two.client.protect(guest.name).id
            var newest = try await two.client.waitForPoint(after: 0, of: protection, within: .seconds(90))
            let filler = "\(two.sites.replicas(of: "secondary"))/../filler"
            try await Command.run(["dd", "if=/dev/zero", "of=\(filler)", "bs=1M", "count=130", "status=none"])
            try await guest.tell("random 64 3")
            let failure = try await eventually("the full disk is told", within: .seconds(60)) { () -> String? in
                let status = try await two.client.status(protection)
                return status?.lastFailure.error.code == .resourceExhausted ? status?.lastFailure.error.message : nil
            }
            #expect(!failure.isEmpty)
            unlink(filler)
            newest = try await two.client.waitForPoint(after: newest, of: protection, within: .seconds(120))
            try await two.quiesce(protection)
            #expect(try await two.comparePoints(of: protection, disks: ["vda"]).faults == [])
            #expect(guest.console.writeErrors == [])
            #expect(try await Leftovers.find(of: guest, in: two.sites, protection: protection) == [])
        }
    }
}
