import Glibc
import Synchronization

/// Held while an agent works with a state directory, so that there is one at a time, and so that `recover` knows whether
/// to ask it or to work by itself. The kernel lets go of it when the process ends, however it ends.
final class StateLock: Sendable {
    private let descriptor: Mutex<Int32>

    private init(descriptor: Int32) { self.descriptor = Mutex(descriptor) }

    deinit { release() }

    /// Nil when another process has it.
    static func attempt(_ state: String) throws -> StateLock? {
        let path = "\(state)/lock"
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw HostAgentError(
                .unavailable, "The agent's state directory cannot be locked.",
                remedy: "Check that it exists and can be written to.",
                facts: ["path": path, "because": String(cString: strerror(errno))])
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            return nil
        }
        return StateLock(descriptor: descriptor)
    }

    func release() {
        descriptor.withLock { descriptor in
            if descriptor >= 0 { close(descriptor) }
            descriptor = -1
        }
    }
}
