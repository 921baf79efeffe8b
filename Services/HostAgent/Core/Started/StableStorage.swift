import Glibc

/// The few calls that make files of the host agent durable and replace them in one step. Each blocks, and throws
/// `HostAgentError` with code `unavailable` when the system refuses it.
enum StableStorage {
    /// Asked before every call that makes a file durable, within its scope and on its thread: answers the `errno` that
    /// the call is to fail with, as a failing disk would let it; nil: it is made. Nil outside tests.
    @TaskLocal static var failure: (@Sendable (_ call: String, _ path: String) -> Int32?)?

    /// A whole file, flushed. Its name is durable once its directory is synchronized.
    static func write(_ bytes: [UInt8], to path: String) throws {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        try check(descriptor, "open", path)
        defer { close(descriptor) }
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress! + written, $0.count - written) }
            try check(Int32(clamping: count), "write", path)
            written += count
        }
        try make("fsync", path) { fsync(descriptor) }
    }

    /// Flushes a file, or the names in a directory.
    static func synchronize(_ path: String) throws {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        try check(descriptor, "open", path)
        defer { close(descriptor) }
        try make("fsync", path) { fsync(descriptor) }
    }

    /// In place of whatever has that name. The name is durable once its directory is synchronized.
    static func rename(_ path: String, to other: String) throws {
        try make("rename", path) { Glibc.rename(path, other) }
    }

    private static func make(_ call: String, _ path: String, _ body: () -> Int32) throws {
        if let number = failure?(call, path) {
            errno = number
            try check(-1, call, path)
        }
        try check(body(), call, path)
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
