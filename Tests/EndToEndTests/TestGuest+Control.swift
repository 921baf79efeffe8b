import Foundation
import LocalSites
import TestGuest

/// Acts on a test guest from outside with `virsh`, as an operator or an accident would; never through our own code.
extension TestGuest {
    @discardableResult
    func virsh(_ words: String..., limit: Duration = .seconds(30)) async throws -> String {
        try await Command.run(["virsh", "-q", "-c", GuestHost.uri] + words, limit: limit)
    }

    /// Creates the disks, defines the guest, starts it and waits until it is ready.
    /// - Parameter devices: elements of its definition beside those of every test guest.
    func bringUp(devices: String = "") async throws {
        try createDisks()
        try await define(xml: definition().replacing("</devices>", with: "\(devices)</devices>"))
        try await start()
    }

    func define(xml: String? = nil) async throws {
        let path = "\(folder)/domain.xml"
        try (xml ?? definition()).write(toFile: path, atomically: true, encoding: .utf8)
        _ = try await virsh("define", path)
    }

    /// - Returns: the last record that the guest found on its disks.
    @discardableResult
    func start() async throws -> UInt64 {
        let mark = console.mark
        _ = try await virsh("start", name)
        return try await waitUntilReady(after: mark, within: .seconds(60))
    }

    /// Presses the power button and waits until the guest is off.
    func shutDown() async throws {
        _ = try await virsh("shutdown", name, "--mode", "acpi")
        _ = try await eventually("\(name) is shut off", within: .seconds(60)) {
            try await self.state() == "shut off" ? true : nil
        }
    }

    /// Kills QEMU, as a crash of the process would end it.
    func killEmulator() async throws {
        let text = try String(contentsOfFile: "/run/libvirt/qemu/\(name).pid", encoding: .utf8)
        guard let identifier = Int32(text.trimmingCharacters(in: .whitespacesAndNewlines)), identifier > 1 else {
            throw Command.Failure(description: "no process identifier of \(name)")
        }
        kill(identifier, SIGKILL)
        _ = try await eventually("\(name) is shut off", within: .seconds(30)) {
            try await self.state() == "shut off" ? true : nil
        }
    }

    func state() async throws -> String { try await virsh("domstate", name) }

    /// Whether libvirt starts it with the host.
    func startsWithHost() async throws -> Bool {
        try await virsh("dominfo", name).split(separator: "\n").contains {
            $0.hasPrefix("Autostart:") && $0.hasSuffix("enable")
        }
    }

    func setAutostart(_ on: Bool) async throws {
        _ = on ? try await virsh("autostart", name) : try await virsh("autostart", name, "--disable")
    }

    /// As it will be at its next start.
    func inactiveDefinition() async throws -> String { try await virsh("dumpxml", name, "--inactive") }

    func resize(_ target: String, toBytes bytes: UInt64) async throws {
        _ = try await virsh("blockresize", name, target, "\(bytes)B")
    }

    func attach(path: String, target: String, format: String = "qcow2") async throws {
        _ = try await virsh(
            "attach-disk", name, path, target, "--driver", "qemu", "--subdriver", format, "--live", "--config")
    }

    func detach(target: String) async throws {
        _ = try await virsh("detach-disk", name, target, "--live", "--config")
        // virsh waits five seconds for the guest to let go of it, and is content without.
        _ = try await eventually("\(name) lets go of \(target)", within: .seconds(60)) {
            try await virsh("domblklist", name).contains(" \(target) ") ? nil : true
        }
    }

    var checkpoints: [String] {
        get async throws {
            try await virsh("checkpoint-list", name, "--name").split(separator: "\n").map(String.init)
        }
    }

    /// "None" when no backup or other job is on the guest.
    var job: String {
        get async throws {
            let text = try await virsh("domjobinfo", name)
            return text.split(whereSeparator: { $0 == ":" || $0.isWhitespace }).last.map(String.init) ?? text
        }
    }

    /// Ends and forgets the guest whatever state it is in; its checkpoints' metadata goes too.
    func remove() async {
        for words in [
            ["destroy", name], ["undefine", name, "--checkpoints-metadata", "--snapshots-metadata", "--nvram"],
        ] {
            do {
                _ = try await Command.run(["virsh", "-q", "-c", GuestHost.uri] + words)
            } catch {
                // It may be off, or gone already: what counts is that it is not there afterwards.
            }
        }
    }
}
