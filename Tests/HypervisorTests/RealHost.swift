import BlockDevice
import Foundation
import Synchronization
import TestGuest
import Testing

@testable import Hypervisor

/// The one host of this test process: libvirt's embedded driver opens one root per process.
struct RealHost: Sendable {
    /// Why nothing real can be tried here; nil when it can.
    static let obstacle: String? =
        GuestImage.missing
        ?? ["nbdcopy", "nbdkit", "qemu-nbd", "virsh"].first { !Program.isInstalled($0) }.map {
            "\($0) is not installed"
        }
        ?? (geteuid() == 0 ? nil : "QEMU is run as root here")

    /// Short, because paths of sockets below it end at 108 characters.
    let directory: String
    let driver: LibvirtHypervisor
    let image: GuestImage

    var uri: String { "qemu:///embed?root=\(directory)/v" }
    var captureDirectory: String { "\(directory)/c" }

    private static let shared = Task {
        let directory = "/tmp/bsc-h\(UInt32.random(in: 0 ... 0xFFFF))"
        try FileManager.default.createDirectory(atPath: "\(directory)/v/etc", withIntermediateDirectories: true)
        exitDirectory.withLock { $0 = directory }
        atexit {
            guard let directory = exitDirectory.withLock({ $0 }) else { return }
            do {
                try FileManager.default.removeItem(atPath: directory)
            } catch {
                print("\(directory) stays: \(error)")
            }
        }
        // What QEMU's driver needs outside systemd and without its log daemon.
        let settings = """
            stdio_handler = "file"
            user = "root"
            group = "root"
            security_driver = "none"
            cgroup_controllers = []
            namespaces = []
            remember_owner = 0

            """
        try settings.write(toFile: "\(directory)/v/etc/qemu.conf", atomically: true, encoding: .utf8)
        // What libvirt writes into a daemon's log by itself, whatever its callers make of it; 4 is errors.
        setenv("LIBVIRT_LOG_OUTPUTS", "4:stderr 4:file:\(directory)/libvirt.log", 1)
        let driver = try await LibvirtHypervisor.connect(
            LibvirtSettings(
                uri: "qemu:///embed?root=\(directory)/v", directory: "\(directory)/c", scratchReserveBytes: 16 << 20))
        return RealHost(directory: directory, driver: driver, image: try GuestImage(in: directory))
    }

    static func get() async throws -> RealHost { try await shared.value }

    /// Boots a guest with empty disks that writes `rate` records a second, runs `body`, and removes the guest whatever
    /// happened. Afterwards nothing of a capture may be left, and the guest must have met no error.
    static func withGuest(
        disks: Int = 1, format: String = "qcow2", rate: Int = 200, fileSystemMiB: UInt64 = 0, starts: Bool = true,
        _ body: (RealHost, RealGuest) async throws -> Void
    ) async throws {
        let host = try await get()
        let name = "g\(UInt32.random(in: 0...0xFFFF))"
        let guest = RealGuest(
            guest: TestGuest(
                name: name, folder: "\(host.directory)/\(name)", image: host.image,
                disks: (0..<disks).map { _ in TestGuest.Disk(sizeBytes: 64 << 20, format: format) },
                recordAreaBytes: 16 << 20, recordsPerSecond: rate, fileSystemBytes: fileSystemMiB << 20),
            driver: host.driver)
        try await guest.define()
        do {
            if starts { try await guest.start() }
            try await body(host, guest)
            #expect(guest.guest.console.writeErrors.isEmpty)
        } catch {
            Issue.record(error)
        }
        try await guest.remove()
        let left = try host.driver.directory.files().filter { !$0.hasSuffix(".offline") }
        #expect(left.isEmpty)
    }

    /// Files of one capture. Records of guests that are off stay for as long as their protections.
    func files(of checkpoint: String) throws -> [String] {
        try driver.directory.files().filter { $0.hasPrefix("\(checkpoint).") || $0.hasPrefix("\(checkpoint)-") }
    }

    /// How often libvirt wrote into its log that there is no backup job.
    func missedBackups() throws -> Int {
        try String(contentsOfFile: "\(directory)/libvirt.log", encoding: .utf8)
            .split(separator: "\n").count { $0.contains("no domain backup job present") }
    }

    // MARK: What tests do with captures

    /// Copies what an export shows with stock tools alone, and hashes it.
    func stockDigest(_ uri: String) throws -> String {
        let path = "\(directory)/stock-\(UInt32.random(in: 0 ... .max))"
        defer { unlink(path) }
        try Program.run("nbdcopy", [uri, path])
        return try digest(ofFile: path)
    }

    private func digest(ofFile path: String) throws -> String {
        try String(Program.run("openssl", ["dgst", "-sha256", "-r", path]).prefix(64))
    }

    /// Brings a raw copy of a disk up to a capture, as replication does: only what is told as changed is read.
    /// Answers the bytes read.
    @discardableResult
    func apply(_ disk: CapturedDisk, to path: String) async throws -> UInt64 {
        if !FileManager.default.fileExists(atPath: path) {
            #expect(FileManager.default.createFile(atPath: path, contents: nil))
        }
        let file = try #require(FileHandle(forUpdatingAtPath: path))
        try file.truncate(atOffset: disk.disk.sizeBytes)
        let reader = try await NBDConnector().connect(
            uri: disk.nbdURI, contexts: disk.bitmapContext.map { [$0] } ?? [])
        var data: [Range<UInt64>] = []
        try await reader.forEachChangedExtent(in: 0..<reader.sizeBytes, bitmapContext: disk.bitmapContext) { extent in
            switch extent.kind {
            case .data: data.append(extent.range)
            case .zero:
                try file.seek(toOffset: extent.offset)
                file.write(Data(count: Int(extent.length)))
            }
        }
        var count: UInt64 = 0
        try await reader.read(data, options: ReadOptions()) { offset, bytes in
            try file.seek(toOffset: offset)
            file.write(Data(bytes))
            count += UInt64(bytes.count)
        }
        await reader.close()
        try file.close()
        return count
    }

    /// Proves that the copies are what the exports show, and that the records on them show one instant. Answers the
    /// newest record.
    @discardableResult
    func expectSame(_ capture: CaptureDescription, _ copies: [String], _ guest: RealGuest) throws -> UInt64 {
        for (disk, copy) in zip(capture.disks, copies) {
            #expect(try digest(ofFile: copy) == stockDigest(disk.nbdURI), "disk \(disk.disk.target)")
        }
        return try RecordChecker(layout: guest.guest.layout).check(images: copies)
    }

    func checkpoints(of guest: RealGuest) async throws -> [String] {
        let uuid = guest.uuid
        return try await driver.call { try $0.domain(uuid).checkpointNames().sorted() }
    }

    func killQEMU(of guest: RealGuest) async throws {
        try signalQEMU(of: guest, SIGKILL)
        try await guest.waitForPower(.shutOff)
    }

    func signalQEMU(of guest: RealGuest, _ signal: Int32) throws {
        let text = try String(contentsOfFile: "\(directory)/v/run/qemu/\(guest.name).pid", encoding: .utf8)
        let process = try #require(pid_t(text.filter(\.isNumber)))
        try #require(kill(process, signal) == 0)
    }
}

private let exitDirectory = Mutex<String?>(nil)
