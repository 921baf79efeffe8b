import Foundation
import LocalSites

/// libvirt at the secondary: its embedded driver, which only the secondary's agent has open while it runs.
enum SecondaryHypervisor {
    static func prepare(in root: String) throws {
        try EmbeddedHypervisor.prepare(at: LocalSites.embeddedRoot(of: "secondary", in: root))
    }

    /// Ends guests that a test left there, and what serves points to them. Only once the agent has ended.
    static func clear(in root: String) async throws {
        for name in try await virsh("list --all --name", in: root).split(separator: "\n") {
            for act in ["destroy \(name)", "undefine \(name) --checkpoints-metadata --nvram"] {
                do { _ = try await virsh(act, in: root) } catch is Command.Failure {
                    // It may be off, or gone already: what counts is that it is not there afterwards.
                }
            }
        }
        for process in try processes(mentioning: root) { kill(process.identifier, SIGTERM) }
    }

    /// As its owner starts it, who has libvirt and nothing else. Only once the agent has ended.
    static func start(_ guest: String, in root: String) async throws { _ = try await virsh("start \(guest)", in: root) }

    private static func virsh(_ words: String, in root: String) async throws -> String {
        try await Command.run(
            ["virsh", "-q", "-c", "qemu:///embed?root=\(LocalSites.embeddedRoot(of: "secondary", in: root))", words],
            environment: ["HOME": "\(root)/home"])
    }

    /// Processes whose command line holds `text`; each belongs to whoever made that folder.
    static func processes(mentioning text: String) throws -> [(identifier: Int32, command: String)] {
        try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { entry in
            guard let identifier = Int32(entry), identifier != getpid(),
                let data = FileManager.default.contents(atPath: "/proc/\(entry)/cmdline")
            else { return nil }
            let line = String(decoding: data, as: UTF8.self).replacing("\0", with: " ")
            return line.contains(text) ? (identifier, line) : nil
        }
    }
}
