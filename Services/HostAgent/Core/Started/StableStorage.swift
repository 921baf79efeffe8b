import Glibc

/// The few calls that make files of the host agent durable and replace them in one step. Each blocks.
enum StableStorage {
    /// Flushes a file, or the names in a directory.
    /// - Throws: `HostAgentError` with code `unavailable`.
    static func synchronize(_ path: String) throws {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        try check(descriptor, "open", path)
        defer { close(descriptor) }
        try check(fsync(descriptor), "fsync", path)
    }

    /// In place of whatever has that name. The name is durable once its directory is synchronized.
    static func rename(_ path: String, to other: String) throws {
        try check(Glibc.rename(path, other), "rename", path)
    }

    /// Throws what a system call that answered below 0 left in `errno`.
    static func check(_ result: Int32, _ call: String, _ path: String) throws {
        guard result < 0 else { return }
        let reason = String(cString: strerror(errno))
        throw HostAgentError(
            .unavailable, "A file of the host agent could not be kept: \(call): \(reason).",
            remedy: "Check the file system of the replicas; the request can be repeated.", facts: ["path": path])
    }
}
