import Foundation
import TestGuest
import Testing

@testable import Hypervisor

/// What happens when a capture, or the end of a protection, fails halfway.
extension RealGuestTests {
    /// The directory of captures takes two files: that of the lock and the scratch file of the first disk, and not that of
    /// the second.
    @Test func aScratchFileThatCannotBeMadeLeavesNoneAndTheNextCaptureOpens() async throws {
        try await RealHost.withGuest(disks: 2) { host, guest in
            let directory = "\(host.directory)/small"
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            try Program.run("mount", ["-t", "tmpfs", "-o", "size=64m,nr_inodes=3", "tmpfs", directory])
            defer {
                #expect(throws: Never.self) {
                    try Program.run("umount", [directory])
                    try FileManager.default.removeItem(atPath: directory)
                }
            }
            let driver = try await LibvirtHypervisor.connect(
                LibvirtSettings(uri: host.uri, directory: directory, scratchReserveBytes: 1 << 20))
            var cycles = Cycles(guest: guest.uuid, driver: driver)
            try await guest.waitForRecord(above: 10)

            let refusal = try #require(try await cycles.refusal())
            #expect(refusal.code == .scratchFull)
            #expect("\(refusal)".contains("vdb") && "\(refusal)".contains("No space left on device"), "\(refusal)")
            #expect(try driver.directory.files() == [])
            #expect(try await host.checkpoints(of: guest) == [])
            let before = guest.committed
            try await guest.waitForRecord(above: before + 10)

            try Program.run("mount", ["-o", "remount,nr_inodes=64", directory])
            _ = try await cycles.open()
            try await cycles.commit()
            try await driver.releaseGuest(protection: cycles.protection, guest: cycles.guest)
            #expect(try driver.directory.files() == [])
            await driver.close()
        }
    }

    /// QEMU stands still while libvirt asks it to delete the checkpoint, and is killed then.
    @Test func aGuestThatEndsWhileItIsReleasedKeepsItsCheckpointForTheNextAttempt() async throws {
        try await RealHost.withGuest { host, guest in
            var cycles = Cycles(guest: guest.uuid, driver: host.driver)
            try await guest.waitForRecord(above: 10)
            _ = try await cycles.open()
            try await cycles.commit()

            try host.signalQEMU(of: guest, SIGSTOP)
            async let killed: Void = {
                // A fixed time, because nothing tells that libvirt waits for QEMU; a release is there in milliseconds.
                try await Task.sleep(for: .seconds(3))
                try host.signalQEMU(of: guest, SIGKILL)
            }()
            await #expect {
                try await host.driver.releaseGuest(protection: cycles.protection, guest: cycles.guest)
            } throws: { error in
                "\(error)".contains("ended while its checkpoint \(cycles.checkpoint(1)) was being removed")
            }
            try await killed
            try await guest.waitForPower(.shutOff)
            #expect(try await host.checkpoints(of: guest) == [cycles.checkpoint(1)])

            try await host.driver.releaseGuest(protection: cycles.protection, guest: cycles.guest)
            #expect(try await host.checkpoints(of: guest) == [])
            #expect(try ImageBitmaps.read(guest.guest.diskPath(0)).bitmaps.isEmpty)
            try await guest.start()
            try await guest.waitForRecord(above: guest.committed + 10)
        }
    }
}
