import Foundation
import LocalSites
import TestGuest
import Testing

/// Two sites, one running guest, and the folders of both; all of it is gone afterwards, whatever happened in between.
enum Scenario {
    /// - Parameter embedded: the guest runs under libvirt's embedded driver, which `virsh` can join only while the
    ///   primary's agent is not there.
    /// - Parameter devices: of the guest, beside those of every test guest.
    /// - Parameter workerSlots: jobs at once of each worker; nil: as many as it does by itself.
    static func run(
        _ name: String, disks: [UInt64], recordsPerSecond: Int, recordAreaBytes: UInt64 = 64 << 20,
        format: String = "qcow2",
        fileSystemBytes: UInt64 = 0, frequencySeconds: UInt32 = 1, stallableLink: Bool = false,
        smallTargetMebibytes: Int? = nil,
        withOracle: Bool = true, orchestrator: Bool = false, embedded: Bool = false, devices: String = "",
        workerSlots: Int? = nil,
        _ body: (TwoSites, TestGuest) async throws -> Void
    ) async throws {
        // Short, because UNIX socket paths below it end at 108 characters.
        let root = "/tmp/bsc-\(name)-\(UUID().uuidString.prefix(6))"
        try FileManager.default.createDirectory(atPath: "\(root)/image", withIntermediateDirectories: true)
        var targetFolder: String?
        if let smallTargetMebibytes {
            targetFolder = "\(root)/small"
            try FileManager.default.createDirectory(atPath: "\(root)/small", withIntermediateDirectories: true)
            try await Command.run(
                ["mount", "-t", "tmpfs", "-o", "size=\(smallTargetMebibytes)m", "tmpfs", "\(root)/small"])
            try FileManager.default.createDirectory(atPath: "\(root)/small/replicas", withIntermediateDirectories: true)
        }
        let guest = TestGuest(
            name: "bsc-\(name)", folder: "\(root)/guest", image: try GuestImage(in: "\(root)/image"),
            disks: disks.map { .init(sizeBytes: $0, format: format) }, recordAreaBytes: recordAreaBytes,
            recordsPerSecond: recordsPerSecond, fileSystemBytes: fileSystemBytes)
        let host = embedded ? "qemu:///embed?root=\(root)/p" : GuestHost.uri
        if embedded { try prepareEmbedded("\(root)/p") }
        var sites: TwoSites?
        func play() async throws {
            try await guest.bringUp(devices: devices)
            let two = try await TwoSites.start(
                root: root, frequencySeconds: frequencySeconds,
                secondaryReplicas: targetFolder.map { "\($0)/replicas" }, stallableLink: stallableLink,
                withOracle: withOracle, orchestrator: orchestrator, workerSlots: workerSlots)
            sites = two
            try await body(two, guest)
        }
        try await GuestHost.$uri.withValue(host) {
            do {
                try await play()
            } catch {
                await report(error, from: sites)
                _ = await finish(sites, guest, root: root, unmount: targetFolder)
                throw error
            }
            let killed = await finish(sites, guest, root: root, unmount: targetFolder)
            #expect(killed == [], "these did not end within ten seconds after SIGTERM")
        }
    }

    /// What QEMU's driver needs outside systemd and without its log daemon.
    private static func prepareEmbedded(_ root: String) throws {
        try FileManager.default.createDirectory(atPath: "\(root)/etc", withIntermediateDirectories: true)
        let settings = """
            stdio_handler = "file"
            user = "root"
            group = "root"
            security_driver = "none"
            cgroup_controllers = []
            namespaces = []
            remember_owner = 0

            """
        try settings.write(toFile: "\(root)/etc/qemu.conf", atomically: true, encoding: .utf8)
    }

    /// What the processes said last, because their logs are about to be removed.
    private static func report(_ error: any Error, from sites: TwoSites?) async {
        print("scenario failed: \(error)")
        guard let sites else { return }
        for name in ["vault", "policy", "orchestrator", "primary", "secondary", "worker-1", "worker-2"] {
            print("--- \(name)\n\(sites.sites.lastLines(of: name, count: 12))")
        }
    }

    /// - Returns: names of services that had to be killed.
    private static func finish(
        _ sites: TwoSites?, _ guest: TestGuest, root: String, unmount: String?
    ) async -> [String] {
        let killed = await sites?.stop() ?? []
        await guest.remove()
        do {
            if sites?.sites.options.orchestrator == true { try await SecondaryHypervisor.clear(in: root) }
            if let unmount { try await Command.run(["umount", unmount]) }
            try FileManager.default.removeItem(atPath: root)
        } catch {
            print("scenario: \(root) could not be removed: \(error)")
        }
        return killed
    }
}
