import Foundation
import TestGuest
import Testing

/// The guest that every end-to-end test leans on, booted by QEMU alone: no libvirt, nothing of Bascule.
@Suite(.serialized, .enabled(if: GuestImage.missing == nil, "a test guest cannot be built here"))
struct TestGuestBootTests {
    private let folder = "/tmp/bsc-\(UUID().uuidString.prefix(8))"

    @Test(.timeLimit(.minutes(2)))
    func theGuestBootsWritesObeysAndPowersOffWithAnUnbrokenSequence() async throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { unlink("\(folder)/control") }
        let image = try GuestImage(in: folder)
        let guest = TestGuest(
            name: "boots", folder: folder, image: image,
            disks: [.init(sizeBytes: 96 << 20, format: "raw"), .init(sizeBytes: 64 << 20, format: "raw")],
            recordAreaBytes: 16 << 20, recordsPerSecond: 100)
        try guest.createDisks()
        let qemu = try start(guest)
        defer { if qemu.isRunning { kill(qemu.processIdentifier, SIGKILL) } }

        #expect(try await guest.waitUntilReady() == 0)
        _ = try await guest.console.wait(for: "committed", within: .seconds(20))
        try await guest.tell("random 4 7")
        _ = try await guest.console.wait(for: "random done mib=4", within: .seconds(1))
        try await guest.tell("idle")
        try await guest.tell("fast")
        try powerButton()
        let last = SerialLog.number(
            "last", in: try await guest.console.wait(for: "power off", within: .seconds(20)))
        qemu.waitUntilExit()

        let newest = try RecordChecker(layout: guest.layout).check(images: [guest.diskPath(0), guest.diskPath(1)])
        #expect(newest == last)
        #expect(newest > 0)
        #expect(guest.console.writeErrors == [])
        try FileManager.default.removeItem(atPath: folder)
    }

    /// qcow2 disks, because QEMU keeps what it knows about their clusters in its own memory until the guest flushes.
    @Test(.timeLimit(.minutes(2)))
    func whatWasReportedIsOnBothDisksAfterAPowerFailure() async throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { unlink("\(folder)/control") }
        let guest = TestGuest(
            name: "fails", folder: folder, image: try GuestImage(in: folder),
            disks: [.init(sizeBytes: 64 << 20), .init(sizeBytes: 64 << 20)],
            recordAreaBytes: 16 << 20, recordsPerSecond: 100)
        try guest.createDisks()
        let qemu = try start(guest)
        defer { if qemu.isRunning { kill(qemu.processIdentifier, SIGKILL) } }

        try await guest.waitUntilReady()
        // Some of both disks, and flushed because the load ends here.
        try await guest.tell("fast")
        _ = try await guest.console.wait(for: "committed", within: .seconds(20))
        try await guest.tell("rate 100")
        let begun = guest.console.lastCommitted
        while guest.console.lastCommitted < begun + 100 {
            // By the clock, because a console is a file; the test's own limit ends it.
            try await Task.sleep(for: .milliseconds(20))
        }
        kill(qemu.processIdentifier, SIGKILL)
        qemu.waitUntilExit()

        let reported = guest.console.lastCommitted
        let images = try (0..<2).map { index in
            let image = "\(folder)/image-\(index)"
            let copied = try Process.run(
                URL(fileURLWithPath: "/usr/bin/qemu-img"),
                arguments: ["convert", "-f", "qcow2", "-O", "raw", guest.diskPath(index), image])
            copied.waitUntilExit()
            #expect(copied.terminationStatus == 0)
            return image
        }
        #expect(try RecordChecker(layout: guest.layout).check(images: images) >= reported)
        #expect(guest.console.writeErrors == [])
        try FileManager.default.removeItem(atPath: folder)
    }

    /// Presses the power button, as `virsh shutdown` does.
    private func powerButton() throws {
        let monitor = Process()
        monitor.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
        monitor.arguments = [
            "-c",
            """
            import socket, sys
            s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); f = s.makefile('rw')
            f.readline(); f.write('{"execute":"qmp_capabilities"}\\n'); f.flush(); f.readline()
            f.write('{"execute":"system_powerdown"}\\n'); f.flush(); f.readline()
            """, "\(folder)/monitor",
        ]
        try monitor.run()
        monitor.waitUntilExit()
        #expect(monitor.terminationStatus == 0)
    }

    private func start(_ guest: TestGuest) throws -> Process {
        let qemu = Process()
        qemu.executableURL = URL(fileURLWithPath: "/usr/bin/qemu-system-x86_64")
        var arguments = ["-machine", "q35,accel=tcg", "-cpu", "max", "-m", "192", "-nodefaults", "-display", "none"]
        arguments += ["-no-reboot", "-kernel", guest.image.kernel, "-initrd", guest.image.initramfs]
        arguments += ["-append", guest.kernelArguments]
        arguments += [
            "-serial", "file:\(guest.console.path)", "-serial", "unix:\(guest.controlPath),server=on,wait=off",
        ]
        arguments += ["-qmp", "unix:\(folder)/monitor,server=on,wait=off"]
        for index in 0..<2 {
            let format = guest.disks[index].format
            arguments += ["-drive", "file=\(guest.diskPath(index)),format=\(format),if=virtio,cache=none"]
        }
        qemu.arguments = arguments
        qemu.standardInput = FileHandle.nullDevice
        qemu.standardOutput = FileHandle.nullDevice
        qemu.standardError = FileHandle.nullDevice
        try qemu.run()
        return qemu
    }
}
