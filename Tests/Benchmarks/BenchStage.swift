import Foundation
import LocalSites
import Logging
import MessageBus
import Messages
import TestGuest

/// Two sites and one running guest whose 4 GiB disk holds 2 GiB of data.
final class BenchStage: Sendable {
    /// What the guest's disk holds.
    enum Contents {
        /// What no one can pack: the least that a worker may have to do, and the most for everybody else.
        case random
        /// This machine's own programs and libraries, over and over, as an example of what disks hold.
        case programs

        var words: String {
            switch self {
            case .random: "random data"
            case .programs: "programs and libraries"
            }
        }

        /// Writes the bytes to its output, without an end. A file that changes while tar reads it makes it end with 1.
        var command: String {
            switch self {
            case .random: "cat /dev/urandom"
            case .programs: "while tar -C / -cf - usr; [ $? -le 1 ]; do :; done"
            }
        }
    }

    let root: String
    let guest: TestGuest
    let client: SitesClient

    var sites: LocalSites { client.sites }

    static func open(scratch: String, contents: Contents = .random) async throws -> BenchStage {
        let root = "\(scratch)/bsc-bench-\(getpid())"
        try FileManager.default.createDirectory(atPath: "\(root)/image", withIntermediateDirectories: true)
        let guest = TestGuest(
            name: "bsc-bench", folder: "\(root)/guest", image: try GuestImage(in: "\(root)/image"),
            disks: [.init(sizeBytes: 4 << 30)], recordsPerSecond: 0)
        BenchLog.say("preparing a guest with 2 GiB of \(contents.words) on a 4 GiB disk …")
        try guest.createDisks()
        try await PeerTool.run([
            "bash", "-c",
            """
            set -e; cd '\(root)'; truncate -s 4G fill.raw
            { \(contents.command); } 2>/dev/null |
                dd of=fill.raw bs=1M seek=64 count=2048 iflag=fullblock conv=notrunc status=none
            qemu-img convert -f raw -O qcow2 fill.raw '\(guest.diskPath(0))'; rm fill.raw; sync
            """,
        ])
        let definition = "\(guest.folder)/domain.xml"
        try guest.definition().write(toFile: definition, atomically: true, encoding: .utf8)
        try await virsh("define", definition)
        try await virsh("start", guest.name)
        try await guest.waitUntilReady()

        var options = LocalSites.Options(
            binaries: URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
                .deletingLastPathComponent()
                .path, root: root)
        options.primaryHypervisor = "qemu:///system"
        options.logLevel = "warning"
        let sites = try LocalSites(options: options)
        do {
            try await sites.start()
            let client = try await SitesClient.connect(to: sites, logger: Logger(label: "bench"))
            try await client.pairClouds(policy: "bench", frequencySeconds: 3_600)
            return BenchStage(root: root, guest: guest, client: client)
        } catch {
            print(sites.lastLines(of: "primary", count: 10))
            await sites.stop()
            throw error
        }
    }

    private init(root: String, guest: TestGuest, client: SitesClient) {
        self.root = root
        self.guest = guest
        self.client = client
    }

    @discardableResult
    static func virsh(_ words: String...) async throws -> String {
        try await PeerTool.run(["virsh", "-q", "-c", "qemu:///system"] + words)
    }

    /// Protects the guest; returns when its first point is committed.
    func protectAndSeed() async throws -> String {
        let protection = try await client.protect(guest.name).id
        try await client.waitForPoint(after: 0, of: protection, within: .seconds(300))
        return protection
    }

    func unprotect(_ protection: String) async throws {
        var request = Unprotect()
        request.protection = protection
        _ = try await client.vault.vault(.unprotect(request))
        _ = try await eventually("the protection is gone", within: .seconds(60)) {
            try await self.client.protection(protection) == nil ? true : nil
        }
    }

    /// CPU seconds so far of the workers and the target's agent.
    func cpuSeconds() async throws -> Double {
        var sum = 0.0
        for name in ["worker-1", "worker-2", "secondary"] {
            sum += try ProcessUsage(of: try await sites.process(name).processIdentifier).cpuSeconds
        }
        return sum
    }

    /// A measurement of something else than it says is no measurement.
    static func require(_ holds: Bool, _ what: String) throws {
        guard holds else { throw LocalSitesError(.late, what, remedy: "nothing was reported") }
    }

    func printLogs() async {
        for name in ["vault", "policy", "primary", "secondary", "worker-1", "worker-2"] {
            print("--- \(name)\n\(sites.lastLines(of: name, count: 12))")
        }
    }

    func close() async {
        await client.bus.shutdown()
        await sites.stop()
        do {
            try await Self.virsh("destroy", guest.name)
            try await Self.virsh("undefine", guest.name, "--checkpoints-metadata")
            try FileManager.default.removeItem(atPath: root)
        } catch {
            print("bench: \(root) could not be cleaned: \(error)")
        }
    }
}
