import Glibc
import Synchronization

@testable import Replica

/// A failpoint at which the process kills itself, from when it is armed: no destructor runs, no buffer is flushed.
final class ArmedKill: Sendable {
    private let failpoint: String
    private let isArmed = Atomic(false)

    /// - Parameter failpoint: the name, because only plain values reach a child process.
    init(at failpoint: String) { self.failpoint = failpoint }

    var hook: FailpointHook {
        FailpointHook { reached in
            if self.isArmed.load(ordering: .relaxed), reached.rawValue == self.failpoint { kill(getpid(), SIGKILL) }
        }
    }

    func arm() { isArmed.store(true, ordering: .relaxed) }
}
