import BlockDevice
import Foundation
import TestGuest
import Testing

@testable import Hypervisor

extension RealGuestTests {
    /// The whole life of a guest that failed over: started from a point, captured running and off, put on its base.
    @Test func aReplicaIsTrackedFromItsFirstWriteUntilItRunsOnItsBase() async throws {
        try await RealHost.withGuest(disks: 2) { host, source in
            try await source.waitForRecord(above: 100)
            let stopped = try await host.driver.stopGuest(
                source.uuid, shutdownLimit: .seconds(30), destroysAfterLimit: false)
            #expect(stopped == StoppedGuest(wasRunning: true, wasForced: false))
            let fixture = try await ReplicaFixture(host, source)
            defer { #expect(throws: Never.self) { try fixture.remove() } }
            let last = try RecordChecker(layout: source.guest.layout).check(images: fixture.bases)
            let copies = fixture.bases.map { "\($0).copy" }
            for (base, copy) in zip(fixture.bases, copies) {
                try FileManager.default.copyItem(atPath: base, toPath: copy)
            }
            try fixture.startViews()
            try await fixture.withoutSource {
                let started = try await host.driver.startReplicaGuest(fixture.request())
                #expect(started.uuid == source.uuid && started.name == source.name)
                let replica = try fixture.replica(started)
                #expect(try await replica.guest.waitUntilReady() == last)
                #expect(try await host.checkpoints(of: replica) == [fixture.checkpoint(fixture.cycle)])
                try await replica.waitForRecord(above: last + 50)
                #expect(try await host.driver.startReplicaGuest(fixture.request()) == started)

                // Running.
                let running = try await host.driver.openCapture(fixture.incremental(42, parent: 41))
                #expect(!running.isOffline && (1..<(32 << 20)).contains(running.changedBytes))
                for (disk, copy) in zip(running.disks, copies) { try await host.apply(disk, to: copy) }
                #expect(try host.expectSame(running, copies, replica) > last)
                try await fixture.close(42)

                // Off, the view alive.
                _ = try await host.driver.stopGuest(
                    replica.uuid, shutdownLimit: .seconds(30), destroysAfterLimit: false)
                let atEnd = replica.committed
                let offline = try await host.driver.openCapture(fixture.incremental(43, parent: 42))
                #expect(offline.isOffline)
                for (disk, copy) in zip(offline.disks, copies) { try await host.apply(disk, to: copy) }
                #expect(try host.expectSame(offline, copies, replica) == atEnd)
                try await fixture.close(43)

                // On its base, the view gone.
                try fixture.killViews()
                let images = Dictionary(
                    uniqueKeysWithValues: try zip(["vda", "vdb"], fixture.bases).map { target, path in
                        let size = try ImageFingerprint.read(path).sizeBytes
                        return (target, BaseImageFile(path: path, format: "raw", sizeBytes: size))
                    })
                for _ in 1...2 {
                    try await host.driver.settleOnBase(
                        guest: replica.uuid, directory: fixture.directory, images: images)
                }
                let mark = replica.guest.console.mark
                try await host.driver.start(guest: replica.uuid)
                #expect(try await replica.guest.waitUntilReady(after: mark) == atEnd)
                try await replica.waitForRecord(above: atEnd + 50)
                let settled = try await host.driver.openCapture(fixture.incremental(44, parent: 43))
                #expect((1..<(32 << 20)).contains(settled.changedBytes))
                for (disk, copy) in zip(settled.disks, copies) { try await host.apply(disk, to: copy) }
                #expect(try host.expectSame(settled, copies, replica) > atEnd)
                try await fixture.close(44)
                #expect(replica.guest.console.writeErrors.isEmpty)

                // A disk that grew or shrank fits its base; one whose base has another size than at the point is another's.
                _ = try await host.driver.stopGuest(
                    replica.uuid, shutdownLimit: .seconds(30), destroysAfterLimit: false)
                let overlay = ReplicaDirectory(fixture.directory).overlay("vdb")
                for change in [["+1M"], ["--shrink", "-2M"]] {
                    try Program.run("qemu-img", ["resize", "-q", overlay] + change)
                    try await host.driver.settleOnBase(
                        guest: replica.uuid, directory: fixture.directory, images: images)
                }
                let larger = "\(fixture.bases[1]).larger"
                try Program.run("qemu-img", ["create", "-q", "-f", "raw", larger, "1T"])
                defer { #expect(throws: Never.self) { try FileManager.default.removeItem(atPath: larger) } }
                let known = try #require(images["vdb"])
                let other = BaseImageFile(path: larger, format: "raw", sizeBytes: known.sizeBytes)
                let refused = try await #require(throws: HypervisorError.self) {
                    try await host.driver.settleOnBase(
                        guest: replica.uuid, directory: fixture.directory,
                        images: images.merging(["vdb": other]) { $1 })
                }
                #expect(refused.code == .operationFailed)
            }
        }
    }

    @Test func aViewThatEndsAndComesBackIsWaitedFor() async throws {
        try await RealHost.withGuest { host, source in
            _ = try await host.driver.stopGuest(
                source.uuid, shutdownLimit: .seconds(30), destroysAfterLimit: true)
            let fixture = try await ReplicaFixture(host, source)
            defer { #expect(throws: Never.self) { try fixture.remove() } }
            try fixture.startViews()
            try await fixture.withoutSource {
                let replica = try fixture.replica(try await host.driver.startReplicaGuest(fixture.request()))
                try await replica.guest.waitUntilReady()
                try await replica.tell("fast")
                try await replica.waitForRecord(above: replica.committed + 20)
                for _ in 1...2 {
                    try fixture.killViews()
                    // Every record into a cluster that the overlay lacks needs the view: soon the guest waits.
                    try await waitUntil("the guest waits for its view") {
                        let before = replica.committed
                        // A pause of half a second, because a guest that writes prints several times in it.
                        try await Task.sleep(for: .milliseconds(500))
                        return replica.committed == before
                    }
                    let waiting = replica.committed
                    try fixture.startViews()
                    try await replica.waitForRecord(above: waiting + 20)
                    #expect(replica.guest.console.writeErrors.isEmpty)
                }
                let capture = try await host.driver.openCapture(fixture.incremental(42, parent: 41))
                let copy = "\(fixture.bases[0]).copy"
                try FileManager.default.copyItem(atPath: fixture.bases[0], toPath: copy)
                try await host.apply(capture.disks[0], to: copy)
                try host.expectSame(capture, [copy], replica)
                try await fixture.close(42)
                // Off and started by hand, it waits all the same.
                _ = try await host.driver.stopGuest(
                    replica.uuid, shutdownLimit: .seconds(30), destroysAfterLimit: false)
                let mark = replica.guest.console.mark
                try await host.driver.start(guest: replica.uuid)
                try await replica.guest.waitUntilReady(after: mark)
                try fixture.killViews()
                let before = replica.committed
                try fixture.startViews()
                try await replica.waitForRecord(above: before + 100)
                #expect(replica.guest.console.writeErrors.isEmpty)
            }
        }
    }

    @Test func aTestRunsBesideTheOriginalAndLeavesNothing() async throws {
        try await RealHost.withGuest { host, source in
            try await source.waitForRecord(above: 50)
            let fixture = try await ReplicaFixture(host, source)
            defer { #expect(throws: Never.self) { try fixture.remove() } }
            try fixture.startViews()
            let uuid = UUID().uuidString.lowercased()
            let started = try await host.driver.startReplicaGuest(
                fixture.request(.test(uuid: uuid, name: "\(source.name)-test"), tracksChanges: false))
            #expect(started.uuid == uuid && started.name == "\(source.name)-test")
            let test = try fixture.replica(started)
            try await test.guest.waitUntilReady()
            let before = source.committed
            try await test.waitForRecord(above: test.committed + 20)
            try await source.waitForRecord(above: before + 20)
            #expect(try await host.checkpoints(of: test).isEmpty)
            #expect(try await host.checkpoints(of: source) == [fixture.checkpoint(fixture.cycle)])
            let definition = try XMLElement(parsing: await host.driver.describe(guest: uuid).definition)
            let mac = definition.first("devices", "interface", "mac")?["address"]
            #expect(mac?.dropFirst().first == "2" && mac != "52:54:00:12:34:56")
            #expect(definition.first("devices", "interface", "link")?["state"] == "down")
            #expect(test.guest.console.writeErrors.isEmpty)
            try await fixture.end(uuid)
            #expect(try await host.driver.describe(guest: source.uuid).power == .running)
            // The original is another guest of that UUID, and no replica.
            await #expect { try await host.driver.startReplicaGuest(fixture.request()) } throws: {
                ($0 as? HypervisorError)?.code == .guestExists
            }
            try await host.driver.removeReplicaGuest(uuid: source.uuid, directory: fixture.directory)
            #expect(try await host.driver.describe(guest: source.uuid).power == .running)
        }
    }

    @Test func aStartThatFailsLeavesNothingAndOneThatWasInterruptedIsDoneAgain() async throws {
        try await RealHost.withGuest { host, source in
            _ = try await host.driver.stopGuest(
                source.uuid, shutdownLimit: .seconds(30), destroysAfterLimit: true)
            let fixture = try await ReplicaFixture(host, source)
            defer { #expect(throws: Never.self) { try fixture.remove() } }
            try await fixture.withoutSource {
                // No view is there.
                await #expect(throws: HypervisorError.self) {
                    try await host.driver.startReplicaGuest(fixture.request())
                }
                #expect(!FileManager.default.fileExists(atPath: fixture.directory))
                #expect(try await host.driver.inventory().allSatisfy { $0.uuid != source.uuid })
                try fixture.startViews()
                let first = try await host.driver.startReplicaGuest(fixture.request())
                let replica = try fixture.replica(first)
                try await replica.guest.waitUntilReady()
                // As if the agent had died before the guest was resumed: paused or off, and no word that it started.
                for leavesProcess in [true, false] {
                    if !leavesProcess { try await host.driver.destroy(guest: replica.uuid) }
                    unlink("\(fixture.directory)/started")
                    let again = try await host.driver.startReplicaGuest(fixture.request())
                    #expect(again.runningUnixMilliseconds > first.runningUnixMilliseconds)
                    #expect(try await host.checkpoints(of: replica) == [fixture.checkpoint(fixture.cycle)])
                    try await replica.guest.waitUntilReady()
                }
                // One that ran keeps what it wrote, however it ended.
                let kept = replica.committed
                try await replica.waitForRecord(above: kept + 20)
                try await host.driver.destroy(guest: replica.uuid)
                try await host.driver.undefine(guest: replica.uuid)
                let mark = replica.guest.console.mark
                _ = try await host.driver.startReplicaGuest(fixture.request())
                #expect(try await replica.guest.waitUntilReady(after: mark) > kept)
            }
        }
    }

    @Test func adoptedDisksAreStrippedAndStartTracked() async throws {
        try await RealHost.withGuest { host, guest in
            let fixture = try await ReplicaFixture(host, guest)
            defer { #expect(throws: Never.self) { try fixture.remove() } }
            await #expect {
                try await host.driver.startTracked(
                    guest: guest.uuid, protection: fixture.protection, cycle: 50, mayHaveRun: false, beforeItRuns: {})
            } throws: {
                ($0 as? HypervisorError)?.code == .wrongPowerState
            }
            _ = try await host.driver.stopGuest(guest.uuid, shutdownLimit: .seconds(30), destroysAfterLimit: true)
            let image = guest.guest.diskPath(0)
            #expect(try ImageBitmaps.read(image).bitmaps.map(\.name) == [fixture.checkpoint(fixture.cycle)])
            for _ in 1...2 {
                try await host.driver.stripBitmaps(
                    protection: fixture.protection, guest: guest.uuid, images: [image])
            }
            #expect(try ImageBitmaps.read(image).bitmaps.isEmpty)
            #expect(try await host.checkpoints(of: guest).isEmpty)

            let mark = guest.guest.console.mark
            let copy = "\(fixture.folder)/copy"
            try Program.run("qemu-img", ["convert", "-f", "qcow2", "-O", "raw", image, copy])
            for _ in 1...2 {
                _ = try await host.driver.startTracked(
                    guest: guest.uuid, protection: fixture.protection, cycle: 50, mayHaveRun: false, beforeItRuns: {})
            }
            #expect(try await host.checkpoints(of: guest) == [fixture.checkpoint(50)])
            let last = try await guest.guest.waitUntilReady(after: mark)
            try await guest.waitForRecord(above: last + 20)
            let capture = try await host.driver.openCapture(fixture.incremental(51, parent: 50))
            try await host.apply(capture.disks[0], to: copy)
            #expect(try host.expectSame(capture, [copy], guest) > last)
            try await fixture.close(51)
        }
    }

    @Test func aGuestIsStoppedWhenItBootsAndWhenItDoesNotListen() async throws {
        try await RealHost.withGuest { host, guest in
            await #expect {
                try await host.driver.stopGuest(guest.uuid, shutdownLimit: .zero, destroysAfterLimit: false)
            } throws: {
                ($0 as? HypervisorError)?.code == .shutdownTimedOut
            }
            #expect(try await host.driver.describe(guest: guest.uuid).power == .running)
            let forced = try await host.driver.stopGuest(
                guest.uuid, shutdownLimit: .zero, destroysAfterLimit: true)
            #expect(forced == StoppedGuest(wasRunning: true, wasForced: true))
            // Its kernel does not hear the button yet.
            try await host.driver.start(guest: guest.uuid)
            let booting = try await host.driver.stopGuest(
                guest.uuid, shutdownLimit: .seconds(60), destroysAfterLimit: false)
            #expect(booting == StoppedGuest(wasRunning: true, wasForced: false))
            let off = try await host.driver.stopGuest(guest.uuid, shutdownLimit: .zero, destroysAfterLimit: true)
            #expect(off == StoppedGuest(wasRunning: false, wasForced: false))
        }
    }

    @Test func linksAreCutAndGivenBackAndTheHostForgetsToStartTheGuest() async throws {
        try await RealHost.withGuest { host, guest in
            #expect(try await host.driver.setAutostart(guest.uuid, true) == false)
            #expect(try await host.driver.setAutostart(guest.uuid, false) == true)
            #expect(try await host.driver.setAutostart(guest.uuid, false) == false)
            for (up, state) in [(false, "down"), (true, "up")] {
                try await host.driver.setLinks(of: guest.uuid, up: up)
                let uuid = guest.uuid
                let now = try await host.driver.call {
                    try XMLElement(parsing: $0.domain(uuid).xml(inactive: false))
                }
                #expect(now.first("devices", "interface", "link")?["state"] == state)
            }
        }
    }
}

extension ReplicaFixture {
    func checkpoint(_ cycle: UInt64) -> String {
        CheckpointName(protection: protection, cycle: cycle).description
    }
}
