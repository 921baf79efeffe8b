import Glibc

/// Keeps a backup job from being ended in the middle of a client's handshake with its NBD server.
///
/// QEMU 7.2 (Debian's 7.2+dfsg-7+deb12u18) hangs for good, and its guest with it, when `nbd-server-stop` comes while any client
/// has connected and not yet chosen its export: it waits for that client to go, and does not look at its socket meanwhile.
/// So whoever opens a capture puts an empty file beside the socket, clients hold a shared `flock(2)` lock on it until their
/// handshake is over, however it ends, and whoever ends the job first takes the socket's name away, and then waits until
/// nobody holds the lock. A client that has died holds none.
package enum HandshakeLock {
    /// How long a handshake can take: QEMU itself drops a client after ten seconds (`handshake-max-seconds`).
    package static let longestHandshake: Duration = .seconds(11)

    package static func file(ofSocket socket: String) -> String { "\(socket).lock" }

    /// Runs `body`, which connects to `uri` and has closed the connection again when it throws, under the lock. Where the
    /// server is of another kind there is no such file, and nothing to wait for.
    ///
    /// - Throws: `connectFailed` when the server is being stopped or the lock can not be had, and what `body` throws.
    static func holding<Made: ~Copyable>(for uri: String, _ body: () throws -> Made) throws -> Made {
        guard let socket = socket(of: uri) else { return try body() }
        let file = file(ofSocket: socket)
        let descriptor = open(file, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            guard errno != ENOENT else { return try body() }
            throw failure(uri, "\(file) can not be opened")
        }
        defer { release(descriptor) }
        guard flock(descriptor, LOCK_SH | LOCK_NB) == 0 else {
            guard errno != EWOULDBLOCK else {
                throw BlockDeviceError(.connectFailed, "The disk at \(uri) is not served any more: its capture ends.")
            }
            throw failure(uri, "\(file) can not be locked")
        }
        return try body()
    }

    /// Waits until no client is in its handshake. To be called when the socket has no name any more. Blocks.
    ///
    /// - Returns: whether it is so; without the file nobody can tell, and it is.
    package static func wait(ofSocket socket: String, within limit: Duration = longestHandshake) -> Bool {
        let descriptor = open(file(ofSocket: socket), O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return errno == ENOENT }
        defer { release(descriptor) }
        let deadline = ContinuousClock.now + limit
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            guard errno == EWOULDBLOCK, ContinuousClock.now < deadline else { return false }
            usleep(1_000)
        }
        return true
    }

    /// Said expressly, because a child process that another thread is starting has copies of all descriptors until it
    /// executes its program, and the lock would last as long as these.
    private static func release(_ descriptor: Int32) {
        flock(descriptor, LOCK_UN)
        close(descriptor)
    }

    /// The path in `nbd+unix:///vda?socket=/path`; nil of other addresses. A path with characters that have to be escaped is
    /// none of a capture.
    private static func socket(of uri: String) -> String? {
        guard uri.hasPrefix("nbd+unix:"), let query = uri.split(separator: "?", maxSplits: 1).dropFirst().first else {
            return nil
        }
        return query.split(separator: "&").first { $0.hasPrefix("socket=") }.map { String($0.dropFirst(7)) }
    }

    private static func failure(_ uri: String, _ what: String) -> BlockDeviceError {
        let number = errno
        return BlockDeviceError(
            .connectFailed, "The disk at \(uri) could not be opened: \(what).",
            cause: String(cString: strerror(number)),
            errno: number)
    }
}
