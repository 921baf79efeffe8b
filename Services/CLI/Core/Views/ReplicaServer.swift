import DeltaLog
import Foundation
import LocalSites
import Replica

/// Serves a point straight from a replica directory: nbdkit with the view plugin, and no service of ours.
struct ReplicaServer: Sendable {
    let view: ViewRecord
    private let process: ManagedProcess
    /// It ends with us whatever happens to us, so that nothing is left behind.
    private let lifeline: ViewLifeline
    private let folder: String

    /// Opening a point with a million extents takes seconds; a minute means it hangs.
    private static let startLimit = Duration.seconds(60)

    /// - Throws: `OperatorError`: `notFound`, `corrupt`, or `failed` when nbdkit does not start.
    static func start(
        directory: String, selector: PointName, socket: String?, binaries: String
    ) async throws -> ReplicaServer {
        let (cycle, disks) = try choose(selector, in: directory)
        let plugin = try InstalledPrograms(binaries: binaries).path(of: "libbascule-view-plugin.so")
        let folder = try temporaryFolder()
        let path = socket ?? "\(folder)/nbd.sock"
        guard !FileManager.default.fileExists(atPath: path) else {
            try FileManager.default.removeItem(atPath: folder)
            throw OperatorError(.refused, "\(path) exists already", remedy: "name another --socket, or remove it")
        }
        let process: ManagedProcess
        let lifeline: ViewLifeline
        let serving: ViewProcess
        do {
            lifeline = try ViewLifeline()
            serving = try ViewProcess(
                plugin: plugin, replicaDirectory: directory, cycle: cycle, socket: path, lifetime: .endsWithStarter)
            process = try ManagedProcess(
                name: ViewProcess.executable, executable: try InstalledPrograms.system(ViewProcess.executable),
                arguments: serving.arguments, input: lifeline.input, logPath: "\(folder)/nbdkit.log")
        } catch {
            try FileManager.default.removeItem(atPath: folder)
            throw error
        }
        let server = ReplicaServer(
            view: ViewRecord(view: "", socket: path, cycle: cycle, disks: disks), process: process,
            lifeline: lifeline, folder: folder)
        do {
            try await server.waitUntilServing()
        } catch {
            try await server.stop()
            throw error
        }
        return server
    }

    /// Ends nbdkit and removes what it needed.
    func stop() async throws {
        await process.stop()
        // nbdkit leaves both of its files.
        for path in [view.socket, ViewProcess.readyFile(of: view.socket), folder]
        where FileManager.default.fileExists(atPath: path) {
            try FileManager.default.removeItem(atPath: path)
        }
    }

    private func waitUntilServing() async throws {
        let deadline = ContinuousClock.now + Self.startLimit
        while !FileManager.default.fileExists(atPath: ViewProcess.readyFile(of: view.socket)) {
            guard process.isRunning, ContinuousClock.now < deadline else {
                let log = FileManager.default.contents(atPath: process.logPath).map {
                    String(decoding: $0, as: UTF8.self)
                }
                throw OperatorError(
                    .failed,
                    "nbdkit does not serve the point: \(log?.split(separator: "\n").last ?? "it said nothing")",
                    remedy: "check the replica: bascule points --replica FOLDER")
            }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// The points of a replica directory, oldest first.
    ///
    /// - Throws: `OperatorError`.
    static func points(in directory: String) throws -> [PointRecord] {
        do {
            return try ReplicaView.points(in: directory).map(PointRecord.init(replica:))
        } catch let error as ReplicaError {
            throw OperatorError(error)
        }
    }

    private static func choose(
        _ selector: PointName, in directory: String
    ) throws -> (cycle: UInt64, disks: [(target: String, sizeBytes: UInt64)]) {
        do {
            let points = try ReplicaView.points(in: directory)
            let cycle = try selector.choose(from: points.map(PointRecord.init(replica:)), of: directory).cycle
            let disks = points.first { $0.cycle == cycle }?.disks ?? []
            return (cycle, disks.map { (target: $0.target, sizeBytes: $0.sizeBytes) })
        } catch let error as ReplicaError {
            throw OperatorError(error)
        }
    }

    /// Short, because it may hold a socket.
    private static func temporaryFolder() throws -> String {
        let folder = "/tmp/bascule-\(String(UInt32.random(in: .min ... .max), radix: 16))"
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        return folder
    }
}
