import Glibc

/// What a file system has left, by statvfs(3).
struct FileSystemSpace: Sendable, Equatable {
    var totalBytes: UInt64
    /// What may be written without being root: reserved blocks do not count.
    var freeBytes: UInt64

    init(totalBytes: UInt64, freeBytes: UInt64) {
        self.totalBytes = totalBytes
        self.freeBytes = freeBytes
    }

    init(of path: String) throws {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else {
            throw HostAgentError(
                .unavailable, "The file system of \(path) does not answer: \(String(cString: strerror(errno))).",
                remedy: "Check that the directory exists and its file system is mounted.", facts: ["path": path])
        }
        let block = UInt64(status.f_frsize)
        totalBytes = UInt64(status.f_blocks) * block
        freeBytes = UInt64(status.f_bavail) * block
    }
}
