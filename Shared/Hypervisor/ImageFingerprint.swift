import Foundation

/// What tells one state of an image file from another while nobody has it open for writing.
struct ImageFingerprint: Sendable, Hashable, Codable {
    let inode: UInt64
    let sizeBytes: UInt64
    /// Nanoseconds since 1970.
    let modified: UInt64
    let changed: UInt64

    static func read(_ path: String) throws -> ImageFingerprint {
        var status = stat()
        guard stat(path, &status) == 0 else {
            throw HypervisorError(
                .operationFailed, "The image \(path) can not be examined.", cause: String(cString: strerror(errno)))
        }
        func nanoseconds(_ time: timespec) -> UInt64 {
            UInt64(clamping: time.tv_sec) * 1_000_000_000 + UInt64(clamping: time.tv_nsec)
        }
        let isDevice = status.st_mode & S_IFMT == S_IFBLK
        return ImageFingerprint(
            inode: isDevice ? 0 : UInt64(status.st_ino), sizeBytes: UInt64(clamping: status.st_size),
            modified: nanoseconds(status.st_mtim), changed: nanoseconds(status.st_ctim))
    }
}
