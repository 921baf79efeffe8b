import BlockDevice
import Foundation
import TestGuest
import Testing

@testable import Hypervisor

/// Everything with a real guest is one serialized suite, because two emulated guests at once only wait for each other.
@Suite(
    .serialized, .timeLimit(.minutes(3)),
    .enabled(if: RealHost.obstacle == nil, "NO REAL GUEST HERE: \(RealHost.obstacle ?? "")"))
struct RealGuestTests {}

extension RealGuestTests {
    @Test func fullIncrementalEmptyAndTrimmedCapturesHoldWhatTheDisksHeld() async throws {
        try await RealHost.withGuest(disks: 2) { host, guest in
            var cycles = Cycles(guest: guest.uuid, driver: host.driver)
            let copies = ["\(host.directory)/copy-a", "\(host.directory)/copy-b"]
            defer { for copy in copies { unlink(copy) } }
            try await guest.waitForRecord(above: 100)

            let before = guest.committed
            let full = try await cycles.open()
            #expect(full.disks.map(\.disk.target) == ["vda", "vdb"])
            #expect(!full.isOffline && full.consistency == .crash && full.changedBytes > 0)
            // The guest goes on writing while the disks are read.
            try await guest.waitForRecord(above: before + 100)
            for (disk, copy) in zip(full.disks, copies) { try await host.apply(disk, to: copy) }
            let newest = try host.expectSame(full, copies, guest)
            #expect(newest >= before && newest < guest.committed)
            try await cycles.commit()

            for seed in 1...2 {
                try await guest.tell("random 2 \(seed)")
                let next = try await cycles.open()
                #expect(next.changedBytes > 0)
                for (disk, copy) in zip(next.disks, copies) { try await host.apply(disk, to: copy) }
                try host.expectSame(next, copies, guest)
                try await cycles.commit()
            }

            try await guest.tell("idle")
            let last = try await cycles.open()
            for (disk, copy) in zip(last.disks, copies) { try await host.apply(disk, to: copy) }
            try await cycles.commit()
            let empty = try await cycles.open()
            #expect(empty.changedBytes == 0)
            try host.expectSame(empty, copies, guest)
            try await cycles.commit()

            try await guest.tell("trim")
            let trimmed = try await cycles.open()
            #expect(trimmed.changedBytes > 0)
            #expect(try await host.apply(trimmed.disks[0], to: copies[0]) == 0)
            try host.expectSame(trimmed, copies, guest)
            try await cycles.commit()
            #expect(try await host.checkpoints(of: guest) == [cycles.checkpoint(cycles.number)])
        }
    }

    @Test func abandonedCapturesLoseNothing() async throws {
        try await RealHost.withGuest { host, guest in
            var cycles = Cycles(guest: guest.uuid, driver: host.driver)
            let copy = "\(host.directory)/copy"
            defer { unlink(copy) }
            try await host.apply(try await cycles.open().disks[0], to: copy)
            try await cycles.commit()
            try await guest.waitForRecord(above: guest.committed + 20)
            _ = try await cycles.open()
            try await guest.waitForRecord(above: guest.committed + 20)
            try await cycles.abandon()
            #expect(try await host.checkpoints(of: guest) == [cycles.checkpoint(1)])
            // Nor does one that is never closed: the next one takes its place.
            _ = try await cycles.open()
            let last = try await cycles.open()
            try await host.apply(last.disks[0], to: copy)
            try host.expectSame(last, [copy], guest)
            #expect(try await cycles.openAgain() == last)
            try await cycles.commit()
        }
    }

    @Test func aKilledQEMUNeedsAComparison() async throws {
        try await RealHost.withGuest { host, guest in
            var cycles = Cycles(guest: guest.uuid, driver: host.driver)
            _ = try await cycles.open()
            try await cycles.commit()
            // In the middle of a capture, so that its files must be cleared too.
            _ = try await cycles.open()
            try await host.killQEMU(of: guest)
            await #expect { try await host.driver.verifyCapture(protection: cycles.protection, cycle: 2) } throws: {
                ($0 as? HypervisorError)?.code == .captureLost
            }
            try await cycles.abandon()
            #expect(try await cycles.refusal()?.code == .needsCompare)

            try await guest.start()
            #expect(try await cycles.refusal()?.code == .needsCompare)
            let compare = try await cycles.open(.compare)
            #expect(compare.disks[0].bitmapContext == nil && compare.changedBytes > 0)
            try await cycles.commit()
            #expect(try await host.checkpoints(of: guest) == [cycles.checkpoint(cycles.number)])
            _ = try await cycles.open()
            try await cycles.commit()
            try await guest.shutDown()
            // The inconsistent bitmaps are gone from the image as well.
            let bitmaps = try ImageBitmaps.read(guest.guest.diskPath(0)).bitmaps
            #expect(bitmaps.map(\.name) == [cycles.checkpoint(cycles.number)])

            try await host.driver.releaseGuest(protection: cycles.protection, guest: cycles.guest)
            #expect(try ImageBitmaps.read(guest.guest.diskPath(0)).bitmaps.isEmpty)
            #expect(try await host.checkpoints(of: guest).isEmpty)
        }
    }

    @Test func changedDisksAreNoticedBeforeTheCycle() async throws {
        try await RealHost.withGuest { host, guest in
            var cycles = Cycles(guest: guest.uuid, driver: host.driver)
            _ = try await cycles.open()
            try await cycles.commit()
            let name = guest.name
            try await host.driver.call { try $0.domain(guest.uuid).resize("vda", toBytes: 96 << 20) }
            let grown = try #require(try await cycles.refusal())
            #expect(grown.code == .needsCompare && grown.message.contains("vda"))
            #expect(try await cycles.open(.compare).disks[0].disk.sizeBytes == 96 << 20)
            try await cycles.commit()

            let path = "\(guest.guest.folder)/added.qcow2"
            try Program.run("qemu-img", ["create", "-q", "-f", "qcow2", path, "8M"])
            try await host.driver.call { try $0.domain(guest.uuid).attachDisk(path, as: "vdx") }
            let added = try #require(try await cycles.refusal())
            #expect(added.code == .needsFull && added.message.contains("vdx"))
            #expect(try await cycles.open(.full).disks.map(\.disk.target) == ["vda", "vdx"])
            try await cycles.commit()
            _ = try await cycles.open()
            try await cycles.commit()

            try await host.driver.call { try $0.domain(guest.uuid).detachDisk(path, as: "vdx") }
            try await waitUntil("the disk of \(name) is gone") {
                try await host.driver.describe(guest: guest.uuid).disks.count == 1
            }
            let removed = try #require(try await cycles.refusal())
            #expect(removed.code == .needsCompare && removed.message.contains("vdx"))
            _ = try await cycles.open(.compare)
            try await cycles.commit()
        }
    }

    @Test func jobsOfADeadClientAreEndedAndThoseOfOthersAreNot() async throws {
        try await RealHost.withGuest { host, guest in
            // A second driver on the same directory is the agent after it died and came back.
            let first = try await LibvirtHypervisor.connect(host.driver.settings)
            var cycles = Cycles(guest: guest.uuid, driver: first)
            _ = try await cycles.open()
            await first.close()
            let cleared = try await host.driver.clearLeftovers(protections: nil)
            #expect(cleared.contains { $0.contains("backup job") })
            #expect(try host.driver.directory.files().allSatisfy { $0.hasSuffix(".offline") })
            #expect(try await host.checkpoints(of: guest) == [cycles.checkpoint(1)])
            let dropped = try await host.driver.clearLeftovers(protections: [])
            #expect(dropped.contains { $0.contains(cycles.checkpoint(1)) })
            #expect(try await host.checkpoints(of: guest).isEmpty)

            let foreign = try await LibvirtHypervisor.connect(
                LibvirtSettings(uri: host.uri, directory: "\(host.directory)/other"))
            var theirs = Cycles(guest: guest.uuid, driver: foreign)
            _ = try await theirs.open()
            var ours = Cycles(guest: guest.uuid, driver: host.driver)
            #expect(try await ours.refusal()?.code == .preflight(.foreignBackup))
            #expect(try await host.driver.clearLeftovers(protections: nil).isEmpty)
            try await theirs.commit()
            try await foreign.releaseGuest(protection: theirs.protection, guest: theirs.guest)
            await foreign.close()
        }
    }

    @Test func aGuestWithoutABackupIsLookedAtWithoutAnErrorInLibvirtsLog() async throws {
        try await RealHost.withGuest { host, guest in
            func look() async throws {
                for _ in 1...3 { _ = try await host.driver.inventory() }
                let described = try await host.driver.describe(guest: guest.uuid)
                #expect(described.power == .running && !described.findings.contains { $0.rule == .foreignBackup })
            }
            // What is counted does show itself.
            var before = try host.missedBackups()
            try await host.driver.call { _ = try $0.domain(guest.uuid).backup() }
            #expect(try host.missedBackups() == before + 1)

            before = try host.missedBackups()
            var cycles = Cycles(guest: guest.uuid, driver: host.driver)
            try await look()
            _ = try await cycles.open()
            try await look()
            #expect(try host.missedBackups() == before)
            try await cycles.commit()
            before = try host.missedBackups()
            try await look()
            #expect(try host.missedBackups() == before)
        }
    }

    @Test func scratchSpaceIsGivenUpBeforeTheGuestNotices() async throws {
        try await RealHost.withGuest { host, guest in
            let driver = try await LibvirtHypervisor.connect(
                LibvirtSettings(
                    uri: host.uri, directory: host.captureDirectory, scratchReserveBytes: 16 << 20,
                    scratchLimitBytes: 1 << 20))
            var cycles = Cycles(guest: guest.uuid, driver: driver)
            try await guest.tell("random 32 1")
            let changes = driver.changes()
            _ = try await cycles.open()
            try await guest.tell("random 32 2")
            for await change in changes {
                if case .captureLost(cycles.protection, 1, _) = change.kind { break }
            }
            await #expect { try await driver.verifyCapture(protection: cycles.protection, cycle: 1) } throws: {
                ($0 as? HypervisorError)?.code == .scratchFull
            }
            try await cycles.abandon()
            try await guest.tell("random 4 3")
            try await driver.releaseGuest(protection: cycles.protection, guest: cycles.guest)
            await driver.close()
        }
    }

    @Test func aRawDiskIsSaidBeforeTheFirstCycle() async throws {
        try await RealHost.withGuest(format: "raw", starts: false) { host, guest in
            let seen = try await host.driver.describe(guest: guest.uuid)
            #expect(seen.blockingFinding?.rule == .rawDisk)
            #expect(seen.disks.first?.sizeBytes == 64 << 20)
            var cycles = Cycles(guest: guest.uuid, driver: host.driver)
            #expect(try await cycles.refusal()?.code == .preflight(.rawDisk))
        }
    }
}
