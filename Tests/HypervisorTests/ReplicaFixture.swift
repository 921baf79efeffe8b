import BlockDevice
import Foundation
import TestGuest
import Testing

@testable import Hypervisor

/// A point of a real guest: raw copies of its disks, served by stock nbdkit as a view is, and what starts from it.
struct ReplicaFixture {
    let host: RealHost
    let source: RealGuest
    let protection = UUID().uuidString.lowercased()
    /// The cycle of the point.
    let cycle: UInt64 = 41
    let definition: String
    /// UEFI variables and TPM state.
    let firmware: [UInt8]
    let folder: String
    /// Raw copies of the disks, in their order.
    let bases: [String]
    private let disks: [CapturedDisk]

    var directory: String { "\(folder)/failover" }
    private var socket: String { "\(folder)/view.sock" }
    private var processFile: String { "\(folder)/view.pid" }

    /// Captures the source as it is now.
    init(_ host: RealHost, _ source: RealGuest) async throws {
        self.host = host
        self.source = source
        folder = "\(host.directory)/r\(UInt32.random(in: 0...0xFFFF))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let capture = try await host.driver.openCapture(
            CaptureRequest(protection: protection, guest: source.uuid, cycle: cycle, kind: .full))
        definition = capture.definition
        firmware = capture.nvram
        disks = capture.disks
        bases = disks.map { [folder] in "\(folder)/\($0.disk.target).raw" }
        for (disk, base) in zip(disks, bases) { try await host.apply(disk, to: base) }
        try await host.driver.closeCapture(
            protection: protection, guest: source.uuid, cycle: cycle, keepCheckpointOfCycle: cycle)
    }

    /// One process per disk, because the stock file plugin serves one file.
    func startViews() throws {
        for (disk, base) in zip(disks, bases) {
            unlink("\(socket)-\(disk.disk.target)")
            try Program.run(
                "nbdkit",
                ["-r", "-U", "\(socket)-\(disk.disk.target)", "-P", "\(processFile)-\(disk.disk.target)", "file", base])
        }
    }

    func killViews() throws {
        for disk in disks {
            let file = "\(processFile)-\(disk.disk.target)"
            guard let text = FileManager.default.contents(atPath: file),
                let process = pid_t(String(decoding: text, as: UTF8.self).filter(\.isNumber))
            else { continue }
            kill(process, SIGKILL)
            try FileManager.default.removeItem(atPath: file)
        }
    }

    func request(
        _ identity: ReplicaGuestRequest.Identity = .same, tracksChanges: Bool = true,
        networks: [ReplicaGuestRequest.Network] = []
    ) -> ReplicaGuestRequest {
        ReplicaGuestRequest(
            protection: protection, cycle: cycle, definition: definition, nvram: firmware, identity: identity,
            disks: disks.map {
                .init(
                    target: $0.disk.target, viewSocket: "\(socket)-\($0.disk.target)", sizeBytes: $0.disk.sizeBytes)
            },
            networks: networks, directory: directory, tracksChanges: tracksChanges)
    }

    /// The guest that was started, to be watched and told what to do: its ports are in the replica's directory.
    func replica(_ started: ReplicaGuest) throws -> RealGuest {
        let own = "\(folder)/own"
        try FileManager.default.createDirectory(atPath: own, withIntermediateDirectories: true)
        for (name, port) in [("console.log", "device-serial0.log"), ("control", "device-serial1.sock")]
        where !FileManager.default.fileExists(atPath: "\(own)/\(name)") {
            unlink("\(own)/\(name)")
            try FileManager.default.createSymbolicLink(
                atPath: "\(own)/\(name)", withDestinationPath: "\(directory)/\(port)")
        }
        let guest = source.guest
        return RealGuest(
            guest: TestGuest(
                name: started.name, uuid: try #require(UUID(uuidString: started.uuid)), folder: own,
                image: guest.image, disks: guest.disks, recordAreaBytes: guest.recordAreaBytes,
                recordsPerSecond: guest.recordsPerSecond),
            driver: host.driver)
    }

    /// A capture of the replica on top of its first checkpoint or a later one.
    func incremental(_ number: UInt64, parent: UInt64) -> CaptureRequest {
        CaptureRequest(
            protection: protection, guest: source.uuid, cycle: number, kind: .incremental(parentCycle: parent))
    }

    func close(_ number: UInt64) async throws {
        try await host.driver.verifyCapture(protection: protection, cycle: number)
        try await host.driver.closeCapture(
            protection: protection, guest: source.uuid, cycle: number, keepCheckpointOfCycle: number)
    }

    /// Runs `body` with the source undefined, as at another host, and gives it back its definition afterwards.
    func withoutSource(_ body: () async throws -> Void) async throws {
        let original = try await host.driver.describe(guest: source.uuid).definition
        try await host.driver.undefine(guest: source.uuid)
        do {
            try await body()
        } catch {
            Issue.record(error)
        }
        try await end(source.uuid)
        _ = try await host.driver.define(xml: original)
    }

    /// Ends a replica and the views; nothing of it may be left.
    func end(_ uuid: String) async throws {
        // Twice, because an answer may be lost.
        for _ in 1...2 { try await host.driver.removeReplicaGuest(uuid: uuid, directory: directory) }
        #expect(try await host.driver.inventory().allSatisfy { $0.uuid != uuid })
        #expect(!FileManager.default.fileExists(atPath: directory))
        try killViews()
    }

    func remove() throws { try FileManager.default.removeItem(atPath: folder) }
}
