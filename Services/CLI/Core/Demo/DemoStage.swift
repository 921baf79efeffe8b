import Foundation
import LocalSites
import TestGuest

/// Everything of the demo that has to be taken down again: the folder, the guest, and the services.
///
/// ```
/// <root>/              /tmp/bsc-…, short because paths of UNIX sockets end at 108 characters
///   guest/             image and disks of the guest
///   p/ s/              libvirt's embedded roots of the two hosts
///   witness/           scripts and answers of the independent witness
///   …                  what LocalSites keeps: settings, logs, state, replicas
/// ```
struct DemoStage: Sendable {
    let plan: DemoPlan
    let root: String
    let guest: TestGuest
    let sites: LocalSites
    let programs: InstalledPrograms

    var witness: String { "\(root)/witness" }

    /// Makes the folder, the guest's image and disks, and the settings; starts nothing.
    init(plan: DemoPlan, programs: InstalledPrograms) throws {
        if let missing = GuestImage.missing {
            throw OperatorError(.refused, missing, remedy: "Scripts/install-prerequisites demo brings all of it")
        }
        var needed = [
            "bascule-vault", "bascule-policy", "bascule-worker", "bascule-agent", "libbascule-view-plugin.so",
        ]
        if plan.acts.contains(where: \.needsOrchestrator) { needed.append("bascule-orchestrator") }
        for name in needed { _ = try programs.path(of: name) }
        for name in ["virsh", "nbdcopy", "nbdkit", "qemu-img", "bash"] { _ = try InstalledPrograms.system(name) }
        self.plan = plan
        self.programs = programs
        root = "/tmp/bsc-\(String(UInt32.random(in: 0x1000_0000 ... .max), radix: 16))"
        do {
            try FileManager.default.createDirectory(
                atPath: root, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
            for folder in ["guest", "witness"] {
                try FileManager.default.createDirectory(atPath: "\(root)/\(folder)", withIntermediateDirectories: true)
            }
            for host in ["p", "s"] { try EmbeddedHypervisor.prepare(at: "\(root)/\(host)") }
            try Self.install(WitnessScripts.hash, at: "\(root)/witness/hash")
            try Self.install(WitnessScripts.hook(folder: "\(root)/witness"), at: "\(root)/witness/hook")

            let disk = TestGuest.Disk(sizeBytes: UInt64(plan.diskMiB) << 20)
            guest = TestGuest(
                name: "demo", folder: "\(root)/guest", image: try GuestImage(in: "\(root)/guest"),
                disks: plan.diskTargets.map { _ in disk }, recordsPerSecond: 0)
            try guest.createDisks()

            var options = LocalSites.Options(binaries: programs.folder, root: root)
            options.workers = plan.workers
            options.orchestrator = plan.acts.contains(where: \.needsOrchestrator)
            options.primaryHypervisor = "qemu:///embed?root=\(root)/p"
            options.secondaryHypervisor = "qemu:///embed?root=\(root)/s"
            options.extraSettings["primary"] = ["captureHook": "\(root)/witness/hook"]
            sites = try LocalSites(options: options)
        } catch {
            // What was begun must not stay; the first error is the one to tell.
            if FileManager.default.fileExists(atPath: root) { try FileManager.default.removeItem(atPath: root) }
            throw error
        }
    }

    /// Boots the guest at the primary. virsh does it before the agent is there, because an embedded root can be open in
    /// one process at a time; the guest outlives virsh and the agent finds it.
    func bootGuest() async throws {
        let definition = "\(root)/guest/domain.xml"
        try guest.definition().write(toFile: definition, atomically: true, encoding: .utf8)
        try await virsh("p", "define \(definition); start \(guest.name)")
        try await guest.waitUntilReady(within: plan.stepLimit)
        // The second host is the same machine, so it need not find out again what its QEMU can do (5 s).
        try FileManager.default.copyItem(atPath: "\(root)/p/cache", toPath: "\(root)/s/cache")
    }

    /// Ends everything at the primary at once, as a power failure would: its agent, its guest, and whatever serves them.
    func killPrimary() async throws {
        // The guest first, because an agent that saw it end could still tell.
        for found in try RunningProcesses.mentioning("\(root)/p/") { kill(found.identifier, SIGKILL) }
        try await sites.crash("primary")
        for found in try RunningProcesses.mentioning("\(root)/primary/") { kill(found.identifier, SIGKILL) }
    }

    /// Takes everything down, in order, and removes the folder. Safe when only half of it was started.
    ///
    /// - Returns: what is left behind all the same; nothing, when all went well.
    func takeDown(keepingFiles: Bool) async throws -> [String] {
        await sites.stop()
        if FileManager.default.fileExists(atPath: "\(root)/guest/domain.xml") {
            // The guest may be at either site, and a test of it beside.
            for host in plan.acts.contains(where: \.needsOrchestrator) ? ["s", "p"] : ["p"] {
                for name in try await guests(at: host) {
                    // One by one: a guest that ended by itself cannot be destroyed, and that is fine.
                    for act in ["destroy \(name)", "undefine \(name) --checkpoints-metadata"] {
                        do { try await virsh(host, act) } catch is OperatorError {}
                    }
                }
            }
        }
        // What serves a point to a guest outlives the agents on purpose, and nobody is left to read from it.
        let servers = try RunningProcesses.mentioning("\(root)/").filter { $0.command.contains("nbdkit") }
        for server in servers { kill(server.identifier, SIGTERM) }
        var left = try RunningProcesses.mentioning(root)
        let deadline = ContinuousClock.now + .seconds(5)
        while left.contains(where: { found in servers.contains { $0.identifier == found.identifier } }),
            ContinuousClock.now < deadline
        {
            try await Task.sleep(for: .milliseconds(50))
            left = try RunningProcesses.mentioning(root)
        }
        if !keepingFiles { try FileManager.default.removeItem(atPath: root) }
        return left.map(\.text)
    }

    private func guests(at host: String) async throws -> [String] {
        let file = "\(root)/logs/guests-\(host)"
        do { try await virsh(host, "list --all --name", output: file) } catch is OperatorError { return [guest.name] }
        return try String(contentsOfFile: file, encoding: .utf8).split(whereSeparator: \.isNewline).map(String.init)
    }

    private func virsh(_ host: String, _ commands: String, output: String? = nil) async throws {
        try await ShellCommand(
            "timeout 60 virsh --quiet --connect \"$host_uri\" \"$commands\" >\"$log\" 2>&1 </dev/null",
            environment: [
                "host_uri": "qemu:///embed?root=\(root)/\(host)", "commands": commands,
                "log": output ?? "\(root)/logs/virsh.log",
                // The embedded driver wants a writable home, and must not share the operator's.
                "HOME": "\(root)/home",
            ]
        ).run()
    }

    static func install(_ script: String, at path: String) throws {
        try script.write(toFile: path, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: path)
    }
}
