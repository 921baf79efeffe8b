import FoundationEssentials
import Glibc

/// Where records of started replicas lie: `failover/state` and `test/state` in the replica's directory. Written to a
/// draft, flushed, renamed, and the directory flushed, so that a record is whole or not there.
struct StartedRecords: Sendable {
    /// Directory that holds a replica directory per protection.
    let replicas: String

    func directory(of protection: String, _ purpose: StartedReplica.Purpose) -> String {
        "\(replicas)/\(protection)/\(purpose.rawValue)"
    }

    func path(of protection: String, _ purpose: StartedReplica.Purpose) -> String {
        "\(directory(of: protection, purpose))/state"
    }

    func read(_ protection: String, _ purpose: StartedReplica.Purpose) throws -> StartedReplica? {
        let path = path(of: protection, purpose)
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        do {
            return try StartedReplica(decoding: [UInt8](try Data(contentsOf: URL(filePath: path))))
        } catch let error as HostAgentError where error.code == .corruptState {
            throw HostAgentError(
                .corruptState, "The record of a started guest cannot be used: \(path).",
                remedy: Self.wayBack(path, purpose), facts: ["path": path, "protection": protection], cause: error)
        }
    }

    func write(_ started: StartedReplica, of protection: String) throws {
        let directory = directory(of: protection, started.order.purpose)
        try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o711])
        let draft = "\(directory)/state.new"
        try StableStorage.write(try started.encoded(), to: draft)
        try StableStorage.rename(draft, to: path(of: protection, started.order.purpose))
        try StableStorage.synchronize(directory)
        try StableStorage.synchronize("\(replicas)/\(protection)")
    }

    /// The record goes first of what is left, because without it nothing else in the directory means anything.
    func remove(_ protection: String, _ purpose: StartedReplica.Purpose) throws {
        let directory = directory(of: protection, purpose)
        guard FileManager.default.fileExists(atPath: directory) else { return }
        try StableStorage.check(unlinkIfThere(path(of: protection, purpose)), "unlink", directory)
        try StableStorage.synchronize(directory)
        try FileManager.default.removeItem(atPath: directory)
        try StableStorage.synchronize("\(replicas)/\(protection)")
    }

    // MARK: The guest's own definition

    private func definitionPath(of protection: String) -> String { "\(replicas)/\(protection)/own-definition.xml" }

    /// Beside the manifest, because the guest is to be started by it again when its disks come home.
    func keep(definition: String, of protection: String) throws {
        let directory = "\(replicas)/\(protection)"
        try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o711])
        let draft = definitionPath(of: protection) + ".new"
        try StableStorage.write(Array(definition.utf8), to: draft)
        try StableStorage.rename(draft, to: definitionPath(of: protection))
        try StableStorage.synchronize(directory)
    }

    func definition(of protection: String) throws -> String? {
        let path = definitionPath(of: protection)
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        return String(decoding: try Data(contentsOf: URL(filePath: path)), as: UTF8.self)
    }

    // MARK: Pieces

    /// What to do about a record that cannot be used.
    private static func wayBack(_ path: String, _ purpose: StartedReplica.Purpose) -> String {
        switch purpose {
        case .test:
            "Destroy and undefine the test guest, if it is still here, remove the directory of \(path), and restart the "
                + "agent."
        case .failover:
            "Move \(path) away, and nothing else beside it, and restart the agent. Then start the replica from the point "
                + "that its guest runs from (`bascule-agent recover --config FILE start PROTECTION`): a guest that "
                + "runs is taken over as it is."
        }
    }

    private func unlinkIfThere(_ path: String) -> Int32 {
        let result = unlink(path)
        return result != 0 && errno == ENOENT ? 0 : result
    }
}
