internal import CLinuxFile
internal import DeltaLog
import Glibc

/// A file descriptor with one owner. Every failed call is captured with its `errno` at once and thrown.
struct OpenFile: ~Copyable {
    let descriptor: Int32
    let path: String

    /// - Parameter flags: of `open(2)`; close-on-exec is added, because child processes must not hold our locks.
    /// - Throws: `ReplicaError`: `notFound` when the path is missing, else `system`.
    init(path: String, flags: Int32, mode: mode_t = 0o600) throws {
        let opened = retryingInterrupts { open(path, flags | O_CLOEXEC, mode) }
        guard opened >= 0 else { throw SystemCallFailure("open", path: path).replicaError }
        descriptor = opened
        self.path = path
    }

    private init(descriptor: Int32, path: String) {
        self.descriptor = descriptor
        self.path = path
    }

    /// A file in memory that has no name.
    static func unnamed() throws -> OpenFile {
        let opened = bascule_unnamed_file()
        guard opened >= 0 else { throw SystemCallFailure("memfd_create", path: "").replicaError }
        return OpenFile(descriptor: opened, path: "")
    }

    deinit {
        // The data of a file that was written is synced before this, so nothing is lost with the result of close.
        close(descriptor)
    }

    /// Flushes data and metadata to stable storage.
    func synchronize() throws {
        guard retryingInterrupts({ fsync(descriptor) }) == 0 else {
            throw SystemCallFailure("fsync", path: path).replicaError
        }
        DurableStep.isDone(.synchronized(path))
    }

    func status() throws -> stat {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw SystemCallFailure("fstat", path: path).replicaError }
        return status
    }

    func sizeBytes() throws -> UInt64 { UInt64(try status().st_size) }

    func truncate(to size: UInt64) throws {
        guard retryingInterrupts({ ftruncate(descriptor, off_t(size)) }) == 0 else {
            throw SystemCallFailure("ftruncate", path: path).replicaError
        }
    }

    /// Reads until the buffer is full or the file ends.
    /// - Returns: the bytes read.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws -> Int {
        var done = 0
        while done < buffer.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
            let count = retryingInterrupts {
                pread(descriptor, rest.baseAddress, rest.count, off_t(offset) + off_t(done))
            }
            guard count >= 0 else { throw SystemCallFailure("pread", path: path).replicaError }
            if count == 0 { break }
            done += count
        }
        return done
    }

    func write(_ buffer: UnsafeRawBufferPointer, at offset: UInt64) throws {
        var done = 0
        while done < buffer.count {
            let rest = UnsafeRawBufferPointer(rebasing: buffer[done...])
            let count = retryingInterrupts {
                pwrite(descriptor, rest.baseAddress, rest.count, off_t(offset) + off_t(done))
            }
            guard count > 0 else { throw SystemCallFailure("pwrite", path: path).replicaError }
            done += count
        }
        DurableStep.isDone(.written(path))
    }
}

/// Calls again while a signal interrupts it, because no caller of ours wants to know of signals.
func retryingInterrupts<Result: SignedInteger>(_ call: () -> Result) -> Result {
    while true {
        let result = call()
        if result != -1 || errno != EINTR { return result }
    }
}
