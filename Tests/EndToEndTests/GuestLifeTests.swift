import Foundation
import LocalSites
import MessageBus
import Messages
import TestGuest
import Testing

/// What happens to guests in their life: shut down and started, killed, their disks grown, added and removed.
@Suite(.serialized, .enabled(if: Prerequisites.met, "\(Prerequisites.missing ?? "")"))
struct GuestLifeTests {
    @Test(.timeLimit(.minutes(12)))
    func replicationSurvivesShutdownAndACrashOfTheEmulator() async throws {
        try await Scenario.run("life", disks: [192 << 20], recordsPerSecond: 50) { two, guest in
            let protection = try await two.client.protect(guest.name).id
            var newest = try await two.client.waitForPoint(after: 0, of: protection, within: .seconds(90))

            // Shut down cleanly: points go on from the disks at rest, and stay incremental after the next start, whatever
            // a cycle was doing at either moment.
            let beforeShutdown = newest
            let last = try await shutDownAndRead(guest)
            let resting = try await two.firstCycle(of: protection, after: beforeShutdown, offline: true)
            newest = try await two.client.waitForPoint(after: resting, of: protection, within: .seconds(60))
            let atRest = try await two.newestRecord(of: guest, protection: protection, cycle: newest)
            #expect(atRest == last, "the point after the shutdown holds the guest's last record")
            #expect(try await guest.start() == last)
            newest = try await two.firstCycle(of: protection, after: newest, offline: false)
            // Not only the last one: a comparison in between would have mended what the next start broke.
            let since = try await two.history(of: protection, with: newest).filter { $0.cycle > beforeShutdown }
            #expect(since.allSatisfy { $0.kind == .incremental }, "\(since)")

            // QEMU killed: its bitmaps cannot be trusted, so both sides are compared, without being asked. What the
            // guest had reported as written is on its disks, and so in the points that follow.
            try await guest.killEmulator()
            let reported = guest.console.lastCommitted
            async let told = whyItCompares(two, protection)
            #expect(try await guest.start() >= reported)
            newest = try await two.client.waitForPoint(after: newest + 1, of: protection, within: .seconds(90))
            let compared = try await two.newestRecord(of: guest, protection: protection, cycle: newest)
            #expect(compared >= reported, "the point after the comparison holds all that was reported before")
            let comparison = try #require(
                try await two.history(of: protection, with: newest).first { $0.kind == .compare && !$0.hasError })
            #expect(!comparison.reason.isEmpty, "why it compared is said")
            #expect(try await told.contains(comparison.reason), "and the status said so meanwhile")
            #expect(comparison.sentBytes < 64 << 20, "a comparison ships what differs, not the disk")
            #expect(try await two.client.protection(protection)?.state == .protected)

            try await two.quiesce(protection)
            #expect(try await two.comparePoints(of: protection, disks: ["vda"]).faults == [])
            #expect(guest.console.writeErrors == [])
            #expect(try await Leftovers.find(of: guest, in: two.sites, protection: protection) == [])
        }
    }

    @Test(.timeLimit(.minutes(12)))
    func replicationFollowsDisksThatGrowComeAndGo() async throws {
        try await Scenario.run("disks", disks: [192 << 20], recordsPerSecond: 50) { two, guest in
            let protection = try await two.client.protect(guest.name).id
            var newest = try await two.client.waitForPoint(after: 0, of: protection, within: .seconds(90))
            func pointAfterChange(_ change: () async throws -> Void) async throws {
                let held = try await whilePaused(two, protection, change)
                newest = try await two.client.waitForPoint(after: held, of: protection, within: .seconds(90))
            }
            // Grown.
            try await pointAfterChange { try await guest.resize("vda", toBytes: 256 << 20) }
            try await expectNoticed(two, protection, newest, .compare, "Disk vda changed its size")
            try await two.withView(of: protection, cycle: newest) { socket in
                let size = try await Command.run(["nbdinfo", "--size", "nbd+unix:///vda?socket=\(socket)"])
                #expect(UInt64(size) == 256 << 20)
            }
            // Added, written to by nobody, and removed again.
            let added = "\(guest.folder)/vdb.qcow2"
            try await Command.run(["qemu-img", "create", "-q", "-f", "qcow2", added, "64M"])
            try await Command.run(
                ["qemu-io", "-f", "qcow2", "-c", "write -P 0x5a 1M 3M", added])
            try await pointAfterChange { try await guest.attach(path: added, target: "vdb") }
            try await expectNoticed(two, protection, newest, .full, "Disk vdb was added")
            try await expectEqual(two, protection, cycle: newest, disks: ["vda", "vdb"])
            try await pointAfterChange { try await guest.detach(target: "vdb") }
            try await expectNoticed(two, protection, newest, .compare, "Disk vdb was removed")
            try await expectEqual(two, protection, cycle: newest, disks: ["vda"])
            // One that cannot be tracked: refused before the cycle, in one sentence, until it is gone again.
            let raw = "\(guest.folder)/vdc.raw"
            try await Command.run(["qemu-img", "create", "-q", "-f", "raw", raw, "16M"])
            try await whilePaused(two, protection) { try await guest.attach(path: raw, target: "vdc", format: "raw") }
            let refusal = try await eventually("the raw disk is told", within: .seconds(60)) { () -> CycleReport? in
                let failure = try await two.client.status(protection)?.lastFailure
                return failure?.error.message.contains("vdc") == true ? failure : nil
            }
            #expect(refusal.error.message.contains("raw") && !refusal.error.remedy.isEmpty)
            try await pointAfterChange { try await guest.detach(target: "vdc") }

            try await two.quiesce(protection)
            #expect(try await two.comparePoints(of: protection, disks: ["vda"]).faults == [])
            #expect(guest.console.writeErrors == [])
            #expect(try await Leftovers.find(of: guest, in: two.sites, protection: protection) == [])
        }
    }

    @Test(.timeLimit(.minutes(8)))
    func pauseResumeResyncAndUnprotectLeaveNothingBehind() async throws {
        try await Scenario.run("pause", disks: [128 << 20], recordsPerSecond: 50) { two, guest in
            let protection = try await two.client.protect(guest.name).id
            var newest = try await two.client.waitForPoint(after: 0, of: protection, within: .seconds(90))
            try await two.quiesce(protection)
            let paused = try #require(try await two.client.points(protection).last?.cycle)
            try await guest.tell("random 4 5")
            // Sleeps because that nothing comes has no event: three times the frequency.
            try await Task.sleep(for: .seconds(3))
            #expect(try await two.client.points(protection).last?.cycle == paused, "no point while paused")

            try await two.client.changeState(protection, to: .protected)
            newest = try await two.client.waitForPoint(after: paused, of: protection, within: .seconds(30))
            try await two.client.changeState(protection, to: .resynchronizing)
            _ = try await eventually("the comparison is over", within: .seconds(60)) {
                let state = try await two.client.protection(protection)?.state
                let compared = try await two.client.history(protection).contains { $0.kind == .compare && !$0.hasError }
                return state == .protected && compared ? true : nil
            }
            newest = try await two.client.waitForPoint(after: newest, of: protection, within: .seconds(30))
            try await two.quiesce(protection)
            #expect(try await two.comparePoints(of: protection, disks: ["vda"]).faults == [])

            var unprotect = Unprotect()
            unprotect.protection = protection
            _ = try await two.client.vault.vault(.unprotect(unprotect))
            _ = try await eventually("the protection is gone", within: .seconds(60)) {
                try await two.client.protection(protection) == nil ? true : nil
            }
            #expect(try await guest.checkpoints == [])
            #expect(try await guest.job == "None")
            #expect(!FileManager.default.fileExists(atPath: "\(two.sites.replicas(of: "secondary"))/\(protection)"))
        }
    }

    @Test(.timeLimit(.minutes(6)))
    func aRawDiskIsRefusedWhenItIsToBeProtected() async throws {
        try await Scenario.run("raw", disks: [64 << 20], recordsPerSecond: 10, format: "raw") { two, guest in
            let refusal = await #expect(throws: RemoteError.self) { try await two.client.protect(guest.name) }
            #expect(refusal?.code == .failedPrecondition)
            #expect(refusal?.message.contains("vda") == true, "the sentence names the disk: \(refusal?.message ?? "")")
            #expect(refusal?.remedy.isEmpty == false)
            let protections = try await two.client.snapshot().protections
            #expect(protections == [])
        }
    }

    /// The guest agent freezes the guest's file system: the point says so, and the guest goes on.
    @Test(.timeLimit(.minutes(6)))
    func anApplicationConsistentPointFreezesAndThaws() async throws {
        try await Scenario.run(
            "freeze", disks: [64 << 20], recordsPerSecond: 20, fileSystemBytes: 64 << 20, withOracle: false
        ) { two, guest in
            try #require(
                guest.image.hasGuestAgent, "qemu-guest-agent is not installed: run Scripts/install-prerequisites")
            _ = try await guest.console.wait(for: "guest agent on", within: .seconds(5))
            let protection = try await two.client.protect(guest.name).id
            let newest = try await two.client.waitForPoint(after: 0, of: protection, within: .seconds(90))
            let point = try await two.applicationPoint(of: protection, after: newest)
            #expect(point.cycle > newest)
            let before = guest.console.lastCommitted
            _ = try await eventually("the guest goes on writing", within: .seconds(10)) {
                guest.console.lastCommitted > before ? true : nil
            }
            let thawed = try await Command.run(
                [
                    "virsh", "-q", "-c", "qemu:///system", "qemu-agent-command", guest.name,
                    "{\"execute\":\"guest-fsfreeze-status\"}",
                ])
            #expect(thawed.contains("thawed"))
        }
    }

    /// QEMU refuses to change a disk while a backup job is on it, and at one point a second one nearly always is; so an
    /// operator pauses, changes, and resumes.
    ///
    /// - Returns: the newest point from before the change.
    @discardableResult
    private func whilePaused(
        _ two: TwoSites, _ protection: String, _ change: () async throws -> Void
    ) async throws -> UInt64 {
        try await two.quiesce(protection)
        let held = try #require(try await two.client.points(protection).last?.cycle)
        try await change()
        try await two.client.changeState(protection, to: .protected)
        return held
    }

    /// What the status says of a comparison, while it is due or under way, or as the last cycle.
    private func whyItCompares(_ two: TwoSites, _ protection: String) async throws -> String {
        try await eventually("the status says why it compares", within: .seconds(120)) {
            guard let status = try await two.client.status(protection) else { return nil }
            if status.health.reason.hasPrefix("Resynchronizing by comparison: ") { return status.health.reason }
            return status.last.kind == .compare ? status.last.reason : nil
        }
    }

    /// What was noticed is in the history: the kind of cycle that it led to, and the sentence that says why.
    private func expectNoticed(
        _ two: TwoSites, _ protection: String, _ point: UInt64, _ kind: CycleKind, _ reason: String
    ) async throws {
        let history = try await two.history(of: protection, with: point)
        #expect(
            history.contains { $0.kind == kind && $0.reason.contains(reason) && !$0.hasError },
            "\(history.map { "\($0.kind): \($0.reason)" })")
    }

    private func shutDownAndRead(_ guest: TestGuest) async throws -> UInt64 {
        let mark = guest.console.mark
        try await guest.shutDown()
        let line = try await guest.console.wait(for: "power off", after: mark, within: .seconds(5))
        return try #require(SerialLog.number("last", in: line))
    }

    private func expectEqual(
        _ two: TwoSites, _ protection: String, cycle: UInt64, disks: [String]
    ) async throws {
        try await two.withView(of: protection, cycle: cycle) { socket in
            for disk in disks {
                let found = try await CaptureOracle.hash(of: "nbd+unix:///\(disk)?socket=\(socket)")
                #expect(found == two.oracle.expected(cycle: cycle, disk: disk), "cycle \(cycle), \(disk)")
            }
        }
    }
}
