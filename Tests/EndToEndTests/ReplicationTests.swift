import Foundation
import LocalSites
import Messages
import TestGuest
import Testing

/// A real guest replicated by real processes, judged by stock tools: `nbdcopy` and `openssl` on the fleecing export at
/// every capture, and the guest's own numbered records.
@Suite(.serialized, .enabled(if: Prerequisites.met, "\(Prerequisites.missing ?? "")"))
struct ReplicationTests {
    /// Twenty points in a row while the guest writes to two disks, then every service is killed or stalled in turn while
    /// it goes on writing. Each listed point must be exactly what the disks held, and nothing may stay behind.
    @Test(.timeLimit(.minutes(12)))
    func everyPointUnderLoadAndCrashesIsWhatTheDisksHeld() async throws {
        try await Scenario.run(
            "points", disks: [64 << 20, 48 << 20], recordsPerSecond: 150, recordAreaBytes: 32 << 20
        ) { two, guest in
            let protection = try await two.client.protect(guest.name).id
            var newest = try await two.client.waitForPoint(after: 0, of: protection, within: .seconds(90))
            try await guest.tell("random 8 1")
            for _ in 0..<20 {
                newest = try await two.client.waitForPoint(after: newest, of: protection, within: .seconds(60))
            }
            let victims: [TwoSites.Victim] = [
                .workerOfTheJob, .service("policy"), .service("primary"), .service("secondary"), .service("vault"),
            ]
            var crashes: [(name: String, cycle: UInt64)] = []
            for victim in victims {
                let (name, cycle) = try await two.crashInTheMiddle(
                    victim, of: guest, protection: protection, seed: newest)
                crashes.append((name, cycle))
                // The vault's absence must not stop replication; everything else is started again at once.
                if victim == .service("vault") {
                    newest = try await two.client.waitForPoint(
                        after: cycle, of: protection, ignoringEnded: name, within: .seconds(60))
                }
                try await two.sites.start(name)
                newest = try await two.client.waitForPoint(
                    after: max(cycle, newest) + 1, of: protection, within: .seconds(90))
            }
            #expect(guest.console.writeErrors == [])

            try await two.quiesce(protection)
            let (compared, faults) = try await two.comparePoints(of: protection, disks: ["vda", "vdb"])
            #expect(faults == [])
            try Self.expectRows(of: compared, around: crashes)
            let newestRecord = try await two.newestRecord(
                of: guest, protection: protection, cycle: try #require(await two.client.points(protection).last?.cycle))
            #expect(newestRecord > 0)
            #expect(try await Leftovers.find(of: guest, in: two.sites, protection: protection) == [])
        }
    }

    /// Twenty and more in a row: their numbers follow each other without a gap, and the cycle in which a worker was killed
    /// is one of the row. The cycle in which the vault was killed is a point, too. One that an agent or the policy service
    /// was killed in is given up with its number, unless it is told after the start that it was committed; so numbers are
    /// missing there and nowhere else, and the points on both sides of the gap are among those that were compared.
    private static func expectRows(of compared: [UInt64], around crashes: [(name: String, cycle: UInt64)]) throws {
        let rows = CycleRows(of: compared).rows
        let told = crashes.map { "\($0.name) in \($0.cycle)" }.joined(separator: ", ")
        print("points: compared without a fault \(rows.map { "\($0)" }); killed \(told)")
        let longest = try #require(rows.max { $0.count < $1.count })
        #expect(longest.count >= 20, "twenty points in a row: \(rows)")
        for (name, cycle) in crashes {
            #expect(compared.contains { $0 < cycle } && compared.contains { $0 > cycle }, "points around \(name)'s end")
        }
        let worker = try #require(crashes.first { $0.name.hasPrefix("worker") })
        #expect(longest.contains(worker.cycle) && longest.contains(worker.cycle + 1), "\(rows); \(told)")
        let vault = try #require(crashes.first { $0.name == "vault" })
        #expect(compared.contains(vault.cycle), "\(rows); \(told)")
        for (row, next) in zip(rows, rows.dropFirst()) {
            #expect(
                crashes.contains { $0.cycle > row.upperBound && $0.cycle < next.lowerBound },
                "nothing was killed between \(row.upperBound) and \(next.lowerBound); \(told)")
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

    /// The target's file system fills in the middle of a cycle: it fails with a clear reason, no point of it is listed and
    /// nothing of it stays, the guest goes on, and points resume when there is room again.
    @Test(.timeLimit(.minutes(8)))
    func aFullTargetDiskIsToldAndRecoveredFrom() async throws {
        // A target keeps 256 MiB free, and is chosen only while it has more.
        try await Scenario.run("full", disks: [320 << 20], recordsPerSecond: 20, smallTargetMebibytes: 768) {
            two, guest in
            let protection = try await two.client.protect(guest.name).id
            _ = try await two.client.waitForPoint(after: 0, of: protection, within: .seconds(90))
            try await two.quiesce(protection)
            let last = try #require(try await two.client.points(protection).last?.cycle)
            try await guest.tell("random 160 3")
            let folder = "\(two.sites.options.root)/small"
            let filler = "\(folder)/filler"
            let free = try Int(
                #require(FileManager.default.attributesOfFileSystem(forPath: folder)[.systemFreeSize] as? Int))
            try await Command.run(["fallocate", "-l", String(free - (296 << 20)), filler])
            try await two.client.changeState(protection, to: .protected)

            let failure = try await eventually("the full disk is told", within: .seconds(60)) { () -> CycleReport? in
                let status = try await two.client.status(protection)
                return status?.lastFailure.error.code == .resourceExhausted ? status?.lastFailure : nil
            }
            #expect(failure.error.message.contains("full") && !failure.error.remedy.isEmpty)
            let health = try #require(try await two.client.status(protection)?.health)
            #expect(health.level != .normal && !health.reason.isEmpty)
            #expect(try await two.client.points(protection).last?.cycle == last, "no point is listed while it is full")
            let before = guest.console.lastCommitted
            _ = try await eventually("the guest goes on writing", within: .seconds(10)) {
                guest.console.lastCommitted > before ? true : nil
            }
            _ = try await eventually("what had arrived is given back", within: .seconds(30)) {
                let arrived = try FileManager.default.contentsOfDirectory(
                    atPath: "\(folder)/replicas/\(protection)/incoming")
                return arrived.isEmpty ? true : nil
            }

            unlink(filler)
            try await two.client.waitForPoint(after: last, of: protection, within: .seconds(120))
            try await two.quiesce(protection)
            #expect(try await two.comparePoints(of: protection, disks: ["vda"]).faults == [])
            #expect(guest.console.writeErrors == [])
            #expect(try await Leftovers.find(of: guest, in: two.sites, protection: protection) == [])
        }
    }
}
