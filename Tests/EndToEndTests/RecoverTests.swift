import Foundation
import LocalSites
import Messages
import TestGuest
import Testing

/// `bascule recover` with a real guest, on the day when nothing is left but the target host's replica directory.
@Suite(.serialized, .enabled(if: Prerequisites.met, "\(Prerequisites.missing ?? "")"))
struct RecoverTests {
    /// No service, and no files of vault, policy and orchestrator; and when the services are back, all of them agree.
    @Test(.timeLimit(.minutes(8)))
    func aGuestIsRecoveredFromItsReplicaAloneAndTheServicesAgree() async throws {
        try await Scenario.run(
            "fr", disks: [64 << 20, 48 << 20], recordsPerSecond: 100, recordAreaBytes: 32 << 20, orchestrator: true
        ) { two, guest in
            let protection = try await two.client.protect(guest.name).id
            try await two.client.waitForPoint(after: 4, of: protection, within: .seconds(90))
            try await guest.killEmulator()
            let names = ["orchestrator", "worker-1", "worker-2", "policy", "vault", "primary", "secondary"]
            for name in names { try await two.sites.crash(name) }
            let root = two.sites.options.root
            let lost = try Lost(root: root, folders: ["vault", "policy", "orchestrator", "primary"])

            let listed = try await recover(two, "list")
            #expect(listed.contains(protection) && listed.contains(guest.name))
            #expect(try await recover(two, "verify", guest.name).contains("no fault"))
            let said = try await recover(two, "start", guest.name)
            let cycle = try #require(Self.number(after: "runs from point ", in: said), "\(said)")
            #expect(Self.number(after: "generation ", in: said) == 2)
            let away = two.replica(of: guest, protection, "failover")
            let found = try await away.waitUntilReady(within: .seconds(60))
            try await away.countOn(from: found)
            // Asked again, it is the same guest and not another.
            #expect(try await recover(two, "start", guest.name).contains("runs from point \(cycle), generation 2"))

            // The vault's files come back as they were, as from a copy of the day before.
            try lost.bringBack()
            for name in names.reversed() { try await two.sites.start(name) }
            let pending = try await two.waitUntil("the vault has taken it over", protection) {
                $0.state == .commitPending
            }
            #expect(pending.generation == 2 && pending.activeSide == .target && pending.failoverCycle == cycle)
            #expect(pending.stateReason.contains("without the vault"), "\(pending.stateReason)")
            let side = try await eventually("the primary has learned it", within: .seconds(60)) {
                do {
                    let side = try await two.side(of: protection, guest: guest, at: two.client.primary)
                    return side.generation == 2 ? side : nil
                } catch is RemoteError { return nil }
            }
            #expect(!side.active)
            #expect(try await guest.state() == "shut off")
            #expect(found == (try await two.newestRecord(of: guest, protection: protection, cycle: cycle)))
            try await away.countOn(from: away.console.lastCommitted)

            // It goes on from there as after any unplanned failover.
            try await two.succeed(.reverse, protection)
            try await two.waitUntilProtected(.reverse, protection, after: cycle)
            let newest = try await two.freshPoint(of: protection)
            #expect(
                try await two.newestRecord(
                    of: guest, protection: protection, cycle: newest, at: two.client.primary) > found)
            #expect(away.console.writeErrors == [])
        }
    }

    /// What the command printed, which has to end well.
    private func recover(_ two: TwoSites, _ words: String...) async throws -> String {
        try await Command.run(
            ["\(TwoSites.binaries)/bascule", "recover", "--config", two.sites.settingsPath(of: "secondary")] + words,
            environment: ["HOME": "\(two.sites.options.root)/home"])
    }

    private static func number(after words: String, in text: String) -> UInt64? {
        text.range(of: words).flatMap { UInt64(text[$0.upperBound...].prefix { $0.isNumber }) }
    }
}

/// Folders that are out of the way for a while, as if their disk were lost.
private struct Lost {
    let root: String
    let folders: [String]

    init(root: String, folders: [String]) throws {
        self.root = root
        self.folders = folders
        try FileManager.default.createDirectory(atPath: "\(root)/lost", withIntermediateDirectories: true)
        for folder in folders {
            try FileManager.default.moveItem(atPath: "\(root)/\(folder)", toPath: "\(root)/lost/\(folder)")
        }
    }

    func bringBack() throws {
        for folder in folders {
            try FileManager.default.moveItem(atPath: "\(root)/lost/\(folder)", toPath: "\(root)/\(folder)")
        }
    }
}
