import Foundation
import LocalSites
import Messages
import TestGuest

/// What a quiet protection may leave on the hosts: one checkpoint on the guest, its replica, and nothing else.
enum Leftovers {
    /// One sentence per thing that should not be there. The protection must be paused, with no cycle open.
    static func find(of guest: TestGuest, in sites: LocalSites, protection: String) async throws -> [String] {
        var found: [String] = []
        let job = try await guest.job
        if job != "None" { found.append("a job is on the guest: \(job)") }
        let checkpoints = try await guest.checkpoints
        if checkpoints.count > 1 { found.append("checkpoints: \(checkpoints.joined(separator: ", "))") }
        let replica = "\(sites.replicas(of: "secondary"))/\(protection)"
        for entry in try entries(of: "\(replica)/incoming") { found.append("incoming/\(entry)") }
        for site in ["primary", "secondary"] {
            let agent = try await sites.process(site)
            for child in ProcessUsage.children(of: agent.processIdentifier) {
                found.append("\(site) has a child process \(child.identifier) (\(child.command))")
            }
        }
        found += try await processes(of: sites)
        for bitmap in try await bitmaps(in: guest) where !checkpoints.contains(bitmap) {
            found.append("bitmap \(bitmap) in QEMU, which no checkpoint owns")
        }
        // Bitmaps that were stored in an image when it was closed last.
        for index in guest.disks.indices where guest.disks[index].format == "qcow2" {
            let json = try await Command.run(["qemu-img", "info", "-U", "--output=json", guest.diskPath(index)])
            let bitmaps = json.components(separatedBy: "\"granularity\"").count - 1
            if bitmaps > checkpoints.count { found.append("\(guest.diskTarget(index)) has \(bitmaps) bitmaps") }
        }
        for path in try files(under: "\(sites.options.root)/primary") where path.contains("scratch") {
            found.append("scratch file \(path)")
        }
        return found
    }

    /// Names of the bitmaps that QEMU keeps for a guest that runs. An image does not tell: it has those that were there
    /// when it was closed last.
    private static func bitmaps(in guest: TestGuest) async throws -> Set<String> {
        struct Answer: Decodable {
            struct Node: Decodable {
                struct Bitmap: Decodable { var name: String? }
                var bitmaps: [Bitmap]?

                enum CodingKeys: String, CodingKey { case bitmaps = "dirty-bitmaps" }
            }
            var nodes: [Node]

            enum CodingKeys: String, CodingKey { case nodes = "return" }
        }
        guard try await guest.state() == "running" else { return [] }
        let json = try await Command.run([
            "virsh", "-q", "-c", "qemu:///system", "qemu-monitor-command", guest.name,
            #"{"execute":"query-named-block-nodes","arguments":{"flat":true}}"#,
        ])
        let nodes = try JSONDecoder().decode(Answer.self, from: Data(json.utf8)).nodes
        return Set(nodes.flatMap { $0.bitmaps ?? [] }.map { $0.name ?? "without a name" })
    }

    /// Processes that our services started and left, whoever is their parent by now: qemu-nbd makes itself a child of
    /// nobody, and what an agent started outlives it when it is killed. Every one of them names a file of this run.
    private static func processes(of sites: LocalSites) async throws -> [String] {
        let services = await sites.processIdentifiers
        func others() throws -> [Int32: String] {
            let all = try SecondaryHypervisor.processes(mentioning: sites.options.root)
                .filter { !services.contains($0.identifier) && !isGuest($0.command) }
            return Dictionary(uniqueKeysWithValues: all.map { ($0.identifier, $0.command) })
        }
        // An agent runs short programs now and then, without being asked.
        var left = try others()
        let deadline = ContinuousClock.now + .seconds(3)
        while !left.isEmpty, ContinuousClock.now < deadline {
            // Looked at this seldom because reading all of /proc takes milliseconds.
            try await Task.sleep(for: .milliseconds(50))
            let now = try others()
            left = left.filter { now[$0.key] == $0.value }
        }
        return left.sorted { $0.key < $1.key }.map { "process \($0.key) is left: \($0.value)" }
    }

    /// QEMU of a running guest, and what emulates its TPM.
    private static func isGuest(_ command: String) -> Bool {
        let program = command.split(separator: " ").first?.split(separator: "/").last ?? ""
        return program.hasPrefix("qemu-system") || program == "swtpm"
    }

    private static func entries(of folder: String) throws -> [String] {
        guard FileManager.default.fileExists(atPath: folder) else { return [] }
        return try FileManager.default.contentsOfDirectory(atPath: folder)
    }

    private static func files(under folder: String) throws -> [String] {
        var found: [String] = []
        for entry in try entries(of: folder) {
            let path = "\(folder)/\(entry)"
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else { continue }
            if isFolder.boolValue { found += try files(under: path) } else { found.append(path) }
        }
        return found
    }
}
