import Foundation
import LocalSites
import Replica
import TestGuest

/// Proves that a recovery point is what the guest's disks held: stock tools hash the disks at the capture instant, and
/// the same tools hash the point afterwards. Then the guest's own records are checked, one by one.
struct DemoProver: Sendable {
    let stage: any DemoGround
    let services: DemoServices

    func prove(_ protection: Registry.Protection) async throws -> DemoReport.Proof {
        let agent = try await services.secondary()
        let saidBefore = stage.home.console.lastCommitted
        // A capture that is open now may have begun before the guest said that. The one after the next point has not.
        let newest = try await agent.replica(of: protection.id).newestCycle
        _ = try await services.wait(for: "the open cycle to end") { () -> Bool? in
            try await agent.replica(of: protection.id).newestCycle > newest ? true : nil
        }
        let witnessed = try await askWitness()
        // A capture may still be abandoned; then another one is asked for.
        let committed = try await services.wait(for: "cycle \(witnessed.cycle) to be committed or given up") {
            () -> Bool? in
            let newest = try await agent.replica(of: protection.id).newestCycle
            if newest < witnessed.cycle { return nil }
            return try await agent.points(of: protection.id).contains { $0.cycle == witnessed.cycle }
        }
        guard committed else { return try await prove(protection) }

        let images = try await readBack(protection, point: witnessed.cycle)
        defer { for image in images.values { unlink(image) } }
        var served: [String: String] = [:]
        for (target, image) in images {
            served[target] = try await output(of: "sha256sum \"$image\" | cut -d ' ' -f 1", ["image": image])
        }
        let check = checkRecords(on: images, atLeast: saidBefore)
        return DemoReport.Proof(
            point: witnessed.cycle, witnessed: witnessed.hashes, served: served, alone: nil,
            newestRecord: check.newest, faults: check.faults)
    }

    /// The newest record that a point holds, and what is wrong with those before it.
    func records(of protection: Registry.Protection, at point: UInt64) async throws -> (
        newest: UInt64, faults: [String]
    ) {
        let images = try await readBack(protection, point: point)
        defer { for image in images.values { unlink(image) } }
        return checkRecords(on: images, atLeast: 0)
    }

    /// Copies each disk of a point with `nbdcopy`, through the secondary's agent; the images by disk.
    private func readBack(_ protection: Registry.Protection, point: UInt64) async throws -> [String: String] {
        let agent = try await services.secondary()
        let view = try await agent.openView(of: protection.id, cycle: point, socket: nil)
        var images: [String: String] = [:]
        let console = services.session.console
        defer { console.showProgress(nil) }
        for export in view.exports {
            console.showProgress(
                "   reading \(export.target) of point \(view.cycle) back, through the secondary's agent")
            let image = "\(stage.witness)/\(export.target).img"
            try await ShellCommand(
                "nbdcopy \"$uri\" \"$image\"", environment: ["uri": export.uri, "image": image]
            ).run()
            images[export.target] = image
        }
        try await agent.closeView(view.view)
        return images
    }

    /// Hashes the point again, served from its directory by nbdkit and our plugin alone.
    func hashAlone(
        _ protection: Registry.Protection, point: UInt64, at stage: DemoStage
    ) async throws -> [String: String] {
        let directory = "\(stage.sites.replicas(of: "secondary"))/\(protection.id)"
        let server = try await ReplicaServer.start(
            directory: directory, selector: .cycle(point), socket: nil, binaries: stage.programs.folder)
        var hashes: [String: String] = [:]
        let result: Result<Void, any Error>
        do {
            for export in server.view.exports {
                services.session.console.showProgress(
                    "   reading \(export.target) of point \(point) from the directory")
                hashes[export.target] = try await output(
                    of: "\"$hash\" \"$uri\"",
                    [
                        "hash": "\(stage.witness)/hash", "uri": export.uri,
                    ])
            }
            result = .success(())
        } catch {
            result = .failure(error)
        }
        try await Task { try await server.stop() }.value
        try result.get()
        return hashes
    }

    /// Asks for one capture to be hashed, and waits for the answer.
    private func askWitness() async throws -> WitnessAnswer {
        let answer = "\(stage.witness)/answer"
        if FileManager.default.fileExists(atPath: answer) { try FileManager.default.removeItem(atPath: answer) }
        try "".write(toFile: "\(stage.witness)/wanted", atomically: true, encoding: .utf8)
        let console = services.session.console
        console.showProgress("   the witness waits for the next capture, and hashes it")
        defer { console.showProgress(nil) }
        let text = try await services.wait(for: "the witness") {
            FileManager.default.contents(atPath: answer).map { String(decoding: $0, as: UTF8.self) }
        }
        return try WitnessAnswer(text)
    }

    /// Every record up to the newest is there, whole and in order, and none that the guest had reported before the
    /// capture is missing.
    private func checkRecords(on images: [String: String], atLeast said: UInt64) -> (newest: UInt64, faults: [String]) {
        do {
            let newest = try RecordChecker(layout: stage.layout).check(
                images: images.sorted { $0.key < $1.key }.map(\.value))
            let faults =
                newest >= said
                ? [] : ["record \(said) was on the disks before the capture, the point ends at \(newest)"]
            return (newest, faults)
        } catch {
            return (0, ["\(error)"])
        }
    }

    /// Standard output of a shell command, without its last line end.
    private func output(of command: String, _ environment: [String: String]) async throws -> String {
        let file = "\(stage.witness)/output"
        try await ShellCommand(
            "set -o pipefail; { \(command); } > \"$output\"", environment: environment.merging(["output": file]) { $1 }
        ).run()
        return try String(contentsOfFile: file, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
