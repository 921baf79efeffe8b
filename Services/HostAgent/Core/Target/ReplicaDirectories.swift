import FoundationEssentials
import Replica

/// The directory that holds a replica directory per protection.
enum ReplicaDirectories {
    /// Makes it when it is missing, and finishes deletions that were interrupted.
    static func prepare(_ path: String) throws {
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o711])
        try Replica.clearDeleted(in: path)
    }

    /// Protections that have a replica here, in order. Whatever else lies there is not ours.
    static func list(in path: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: path)
            .filter { UUID(uuidString: $0) != nil && $0 == $0.lowercased() && Replica.exists(in: "\(path)/\($0)") }
            .sorted()
    }
}
