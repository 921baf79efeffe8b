import Glibc

/// A `flock(2)` lock on a file. The kernel releases it when the process ends, however it ends, so a lock that can be
/// taken proves that its former holder is gone.
struct FileLock: ~Copyable {
    enum Kind {
        case shared
        case exclusive
    }

    private let file: OpenFile

    /// Waits for the lock. Only for locks whose holders keep them for moments.
    static func wait(_ kind: Kind, path: String) throws -> FileLock {
        let file = try OpenFile(path: path, flags: O_RDWR | O_CREAT)
        guard retryingInterrupts({ flock(file.descriptor, operation(kind)) }) == 0 else {
            throw SystemCallFailure("flock", path: path).replicaError
        }
        return FileLock(file: file)
    }

    /// - Returns: nil when another holder has it.
    static func attempt(_ kind: Kind, path: String) throws -> FileLock? {
        let file = try OpenFile(path: path, flags: O_RDWR | O_CREAT)
        if retryingInterrupts({ flock(file.descriptor, operation(kind) | LOCK_NB) }) == 0 {
            return FileLock(file: file)
        }
        guard errno == EWOULDBLOCK else { throw SystemCallFailure("flock", path: path).replicaError }
        return nil
    }

    private init(file: consuming OpenFile) {
        self.file = file
    }

    deinit {
        // Said expressly, because a child process that another thread is starting has copies of all descriptors until
        // it executes its program, and the lock would last as long as these.
        flock(file.descriptor, LOCK_UN)
    }

    /// Replaces the file's content, for those who find it locked.
    func write(_ text: String) throws {
        try file.truncate(to: 0)
        try Array(text.utf8).withUnsafeBytes { try file.write($0, at: 0) }
    }

    private static func operation(_ kind: Kind) -> Int32 {
        switch kind {
        case .shared: LOCK_SH
        case .exclusive: LOCK_EX
        }
    }
}
