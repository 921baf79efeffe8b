import Glibc

/// What a file of disk content looks like from outside. Whoever writes to it changes the look; changes of owner and
/// mode, which libvirt makes when a guest ends, do not count, nor does reading.
package struct ImageLook: Sendable, Hashable, Codable {
    package var inode: UInt64
    package var sizeBytes: Int64
    package var modifiedNanoseconds: Int64

    /// - Returns: nil when there is nothing, or no regular file, at the path: nothing can be told of it then.
    package init?(of path: String) {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        self.init(
            inode: UInt64(status.st_ino), sizeBytes: Int64(status.st_size),
            modifiedNanoseconds: Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec))
    }

    /// As it was stored.
    package init(inode: UInt64, sizeBytes: Int64, modifiedNanoseconds: Int64) {
        self.inode = inode
        self.sizeBytes = sizeBytes
        self.modifiedNanoseconds = modifiedNanoseconds
    }

    /// The look that stays, whatever happens to the host. Flushed first, because the time of a change may still be in
    /// memory alone: QEMU flushes with fdatasync(2).
    static func flushed(_ path: String) throws -> ImageLook? {
        guard ImageLook(of: path) != nil else { return nil }
        try OpenFile(path: path, flags: O_RDONLY).synchronize()
        return ImageLook(of: path)
    }
}
