import DeltaLog
import Glibc

/// The few file operations whose order makes the replica durable. Each returns only when what it promises holds.
enum DurableFiles {
    /// Makes a directory; what is in one that exists is left as it is.
    /// - Parameter passable: others may pass through it to files that are theirs, but not list what is in it.
    static func makeDirectory(_ path: String, passable: Bool = false) throws {
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
            throw SystemCallFailure("mkdir", path: path).replicaError
        }
        // By itself, because the umask may take it away, and earlier versions did not give it.
        if passable, chmod(path, 0o711) != 0 { throw SystemCallFailure("chmod", path: path).replicaError }
    }

    /// Makes the entries of a directory durable: what was created, renamed and removed in it.
    static func synchronizeDirectory(_ path: String) throws {
        try OpenFile(path: path, flags: O_RDONLY | O_DIRECTORY).synchronize()
    }

    /// Writes a whole file and flushes it. Its name is durable only after its directory is synchronised.
    static func write(_ bytes: [UInt8], to path: String, mode: mode_t = 0o600) throws {
        let file = try OpenFile(path: path, flags: O_WRONLY | O_CREAT | O_TRUNC, mode: mode)
        try bytes.withUnsafeBytes { try file.write($0, at: 0) }
        try file.synchronize()
    }

    /// Reads a whole file of at most `limit` bytes.
    static func read(_ path: String, limit: Int) throws -> [UInt8] {
        let file = try OpenFile(path: path, flags: O_RDONLY)
        let size = try file.sizeBytes()
        guard size <= UInt64(limit) else {
            throw ReplicaError(
                .corruptData, "a file of the replica is larger than it can be", remedy: "Restore it from a copy.",
                facts: ["path": path, "size": "\(size)", "limit": "\(limit)"])
        }
        var bytes = [UInt8](repeating: 0, count: Int(size))
        let count = try bytes.withUnsafeMutableBytes { try file.read(into: $0, at: 0) }
        bytes.removeLast(bytes.count - count)
        return bytes
    }

    static func rename(_ source: String, to destination: String) throws {
        guard Glibc.rename(source, destination) == 0 else {
            throw SystemCallFailure("rename", path: "\(source) → \(destination)").replicaError
        }
        DurableStep.isDone(.renamed(source, to: destination))
    }

    /// Gives a file a second name, durably. A name that it has already is left as it is.
    static func link(_ source: String, to destination: String) throws {
        if Glibc.link(source, destination) != 0 {
            let failure = SystemCallFailure("link", path: "\(source) → \(destination)")
            guard failure.number == EEXIST else { throw failure.replicaError }
            guard try identity(of: source) == identity(of: destination) else {
                throw ReplicaError(
                    .alreadyExists, "another file has the name that a disk image would get",
                    remedy: "Name another path.", facts: ["path": destination])
            }
        }
        let parent = destination.lastIndex(of: "/").map { String(destination[..<$0]) } ?? "."
        try synchronizeDirectory(parent.isEmpty ? "/" : parent)
    }

    private static func identity(of path: String) throws -> [UInt64] {
        let status = try OpenFile(path: path, flags: O_RDONLY).status()
        return [UInt64(status.st_dev), UInt64(status.st_ino)]
    }

    /// Removes a file; one that is not there is as good as removed.
    static func remove(_ path: String) throws {
        guard unlink(path) == 0 || errno == ENOENT else { throw SystemCallFailure("unlink", path: path).replicaError }
        DurableStep.isDone(.removed(path))
    }

    static func removeDirectory(_ path: String) throws {
        guard rmdir(path) == 0 || errno == ENOENT else { throw SystemCallFailure("rmdir", path: path).replicaError }
    }

    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    static func isDirectory(_ path: String) throws -> Bool {
        var status = stat()
        guard lstat(path, &status) == 0 else { throw SystemCallFailure("lstat", path: path).replicaError }
        return status.st_mode & S_IFMT == S_IFDIR
    }

    /// Names in a directory, without "." and "..", in no order.
    static func names(in path: String) throws -> [String] {
        guard let directory = opendir(path) else { throw SystemCallFailure("opendir", path: path).replicaError }
        defer { closedir(directory) }
        var names: [String] = []
        errno = 0
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { field in
                field.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: field.pointee)) {
                    String(cString: $0)
                }
            }
            if name != ".", name != ".." { names.append(name) }
            errno = 0
        }
        guard errno == 0 else { throw SystemCallFailure("readdir", path: path).replicaError }
        return names
    }

    /// Bytes that an unprivileged writer may still use on the file system of `path`.
    static func freeBytes(at path: String) throws -> UInt64 {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { throw SystemCallFailure("statvfs", path: path).replicaError }
        return UInt64(status.f_bavail) * UInt64(status.f_frsize)
    }
}
