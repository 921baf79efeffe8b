import Foundation
import LocalSites
import Logging
import MessageBus
import Messages
import TestGuest

/// Two sites with an orchestrator, and as many running guests as a benchmark of failover asks for.
final class FailoverStage: Sendable {
    let root: String
    let client: SitesClient
    private let image: GuestImage

    var sites: LocalSites { client.sites }

    static func open(scratch: String) async throws -> FailoverStage {
        // Short, because started replicas keep sockets below it, whose paths end at 108 characters.
        let root = "\(scratch)/bf-\(getpid())"
        try FileManager.default.createDirectory(atPath: "\(root)/image", withIntermediateDirectories: true)
        try EmbeddedHypervisor.prepare(at: LocalSites.embeddedRoot(of: "secondary", in: root))
        var options = LocalSites.Options(
            binaries: URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
                .deletingLastPathComponent().path, root: root)
        options.primaryHypervisor = "qemu:///system"
        options.orchestrator = true
        options.logLevel = "warning"
        let sites = try LocalSites(options: options)
        do {
            let image = try GuestImage(in: "\(root)/image")
            try await sites.start()
            let client = try await SitesClient.connect(to: sites, logger: Logger(label: "bench"))
            try await client.pairClouds(policy: "bench", frequencySeconds: 3_600)
            return FailoverStage(root: root, image: image, client: client)
        } catch {
            print(sites.lastLines(of: "secondary", count: 10))
            await sites.stop()
            throw error
        }
    }

    private init(root: String, image: GuestImage, client: SitesClient) {
        self.root = root
        self.image = image
        self.client = client
    }

    /// A running guest that writes when it is told to.
    func bringUp(_ name: String, diskBytes: UInt64, memoryMebibytes: Int = 192) async throws -> TestGuest {
        let guest = TestGuest(
            name: name, folder: "\(root)/\(name)", image: image, disks: [.init(sizeBytes: diskBytes)],
            memoryMebibytes: memoryMebibytes, recordAreaBytes: 16 << 20, recordsPerSecond: 0)
        try guest.createDisks()
        let definition = "\(guest.folder)/domain.xml"
        try guest.definition().write(toFile: definition, atomically: true, encoding: .utf8)
        try await BenchStage.virsh("define", definition)
        try await BenchStage.virsh("start", name)
        try await guest.waitUntilReady(within: .seconds(120))
        if image.hasGuestAgent {
            // Because libvirt 9.0 is slow to end a capture during which the agent opens its channel, and that is not
            // what is measured. See Failover.md.
            _ = try await eventually("the guest agent of \(name) is connected", within: .seconds(60)) { () -> Bool? in
                let definition = try await BenchStage.virsh("dumpxml", name)
                return definition.contains("name='org.qemu.guest_agent.0' state='connected'") ? true : nil
            }
        }
        return guest
    }

    /// Protects a guest; returns when its first point is committed.
    func protect(_ guest: TestGuest) async throws -> String {
        let protection = try await client.protect(guest.name).id
        try await client.waitForPoint(after: 0, of: protection, within: .seconds(300))
        return protection
    }

    /// Asks for one point after the other until there are so many more, each of a cycle in which something changed.
    ///
    /// Every hundredth is told with what the last hundred cost, because this takes minutes and a benchmark that says
    /// nothing cannot be told from one that hangs.
    func makePoints(_ count: Int, of protection: String) async throws {
        var trigger = TriggerCycle()
        trigger.protection = protection
        let wanted = trigger
        var newest = try await client.status(protection)?.newestCycle ?? 0
        var made = 0
        var empty = 0
        var start = ContinuousClock.now
        var cycleMilliseconds: UInt64 = 0
        while made < count {
            _ = try await client.policy.policy(.triggerCycle(wanted))
            let before = newest
            let last = try await eventually("a point after cycle \(before)", within: .seconds(60)) {
                let status = try await self.client.status(protection)
                return status.flatMap { $0.newestCycle > before ? $0.last : nil }
            }
            newest = last.cycle
            cycleMilliseconds += UInt64(last.durationMs)
            guard last.changedBytes > 0 else {
                empty += 1
                try BenchStage.require(empty <= 100 + count, "the guest writes nothing: \(empty) cycles were empty")
                continue
            }
            made += 1
            if made.isMultiple(of: 100) {
                let spent = (ContinuousClock.now - start).inSeconds
                BenchLog.say(
                    "\(made) of \(count) points; the last hundred in \(BenchReport.text(spent)) s, of which "
                        + "\(BenchReport.text(Double(cycleMilliseconds) / 1_000)) s due to committed")
                start = .now
                cycleMilliseconds = 0
            }
        }
        let held = try await client.points(protection).count
        try BenchStage.require(held > count, "\(count) points were to be made, and only \(held) are held")
    }

    /// A run to its good end; anything else is no measurement.
    func succeed(
        _ kind: RunKind, _ protection: String, _ fill: (inout StartRun) -> Void = { _ in }
    ) async throws -> Run {
        let run = try await client.perform(kind, protection, within: .seconds(300), fill)
        try BenchStage.require(run.state != .failed, "\(kind) failed: \(run.sentence)")
        return run
    }

    func remove(_ guest: TestGuest) async throws {
        try await BenchStage.virsh("destroy", guest.name)
        try await BenchStage.virsh("undefine", guest.name, "--checkpoints-metadata")
    }

    func printLogs() {
        for name in ["vault", "policy", "orchestrator", "primary", "secondary"] {
            print("--- \(name)\n\(sites.lastLines(of: name, count: 12))")
        }
    }

    func close() async {
        await client.bus.shutdown()
        await sites.stop()
        do {
            let host = "qemu:///embed?root=\(LocalSites.embeddedRoot(of: "secondary", in: root))"
            for (connection, names) in [
                ("qemu:///system", try await PeerTool.run(["virsh", "-q", "list", "--all", "--name"])),
                (host, try await PeerTool.run(["virsh", "-q", "-c", host, "list --all --name"])),
            ] {
                for name in names.split(separator: "\n") where name.hasPrefix("bf-") {
                    // Each guest may be off already, so it is what is left that counts.
                    for act in ["destroy \(name)", "undefine \(name) --checkpoints-metadata"] {
                        do { try await PeerTool.run(["virsh", "-q", "-c", connection, act]) } catch is LocalSitesError {
                        }
                    }
                }
            }
            try FileManager.default.removeItem(atPath: root)
        } catch {
            print("bench: \(root) could not be cleaned: \(error)")
        }
    }
}
