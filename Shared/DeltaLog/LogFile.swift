internal import CLinuxFile
internal import Glibc

/// An open file, closed when its last holder lets go. Positions are explicit, so threads may share it.
final class LogFile: Sendable {
    let path: String
    private let descriptor: Int32

    /// A new file, readable by its owner alone; it must not exist.
    init(creating path: String) throws {
        self.path = path
        descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Self.failure("create", path, errno) }
    }

    init(reading path: String) throws {
        self.path = path
        descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Self.failure("open", path, errno) }
    }

    deinit {
        close(descriptor)
    }

    // MARK: Reading

    func byteCount() throws -> UInt64 {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw Self.failure("examine", path, errno) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw DeltaLogError(.notADeltaLog, "not a regular file", facts: ["path": path])
        }
        return UInt64(status.st_size)
    }

    /// Fills `buffer`; a file that ends before is `.incomplete`.
    func read(at position: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws {
        var done = 0
        while done < buffer.count {
            let count = pread(
                descriptor, buffer.baseAddress! + done, buffer.count - done, off_t(position) + off_t(done))
            if count > 0 {
                done += count
            } else if count == 0 {
                throw DeltaLogError(.incomplete, "the file ends too early", facts: ["path": path])
            } else if errno != EINTR {
                throw Self.failure("read", path, errno)
            }
        }
    }

    func prepare(at position: UInt64, count: Int) {
        // What the system makes of the advice is its own affair, and so is refusing it.
        _ = posix_fadvise(descriptor, off_t(position), off_t(count), POSIX_FADV_WILLNEED)
    }

    // MARK: Writing (StagingTarget)

    func useDirectWrites() -> Bool {
        let flags = fcntl(descriptor, F_GETFL)
        return flags >= 0 && fcntl(descriptor, F_SETFL, flags | bascule_direct_flag()) == 0
    }

    private func useBufferedWrites() {
        let flags = fcntl(descriptor, F_GETFL)
        if flags >= 0 { _ = fcntl(descriptor, F_SETFL, flags & ~bascule_direct_flag()) }
    }

    func write(_ bytes: UnsafeRawBufferPointer, at position: UInt64) throws {
        var done = 0
        var mayFallBack = true
        while done < bytes.count {
            let count = pwrite(descriptor, bytes.baseAddress! + done, bytes.count - done, off_t(position) + off_t(done))
            let code = errno
            if count >= 0 {
                done += count
            } else if code == EINVAL && mayFallBack {
                // Some file systems accept O_DIRECT when asked and refuse it when used.
                mayFallBack = false
                useBufferedWrites()
            } else if code != EINTR {
                throw Self.failure("write", path, code)
            }
        }
        DurableStep.isDone(.written(path))
    }

    func reserve(upTo end: UInt64, from start: UInt64) -> Bool {
        bascule_fallocate(descriptor, Int64(start), Int64(end - start)) == 0
    }

    func truncate(to byteCount: UInt64) throws {
        guard ftruncate(descriptor, off_t(byteCount)) == 0 else { throw Self.failure("cut", path, errno) }
    }

    func synchronize() throws {
        guard fdatasync(descriptor) == 0 else { throw Self.failure("sync", path, errno) }
        DurableStep.isDone(.synchronized(path))
    }

    /// A file that is gone already is as good.
    static func remove(_ path: String) throws {
        guard unlink(path) == 0 || errno == ENOENT else { throw failure("remove", path, errno) }
    }

    private static func failure(_ verb: String, _ path: String, _ code: Int32) -> DeltaLogError {
        let full = code == ENOSPC || code == EDQUOT
        return DeltaLogError(
            full ? .noSpace : .inputOutput,
            full ? "no space left to write the delta log" : "could not \(verb) the delta log",
            facts: ["path": path, "errno": "\(code)", "reason": String(cString: strerror(code))])
    }
}
