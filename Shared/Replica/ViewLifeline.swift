import Glibc

/// What ends a view's process with whoever started it, even when that one is killed: a pair of sockets, one the process's
/// standard input, the other held by nobody but the starter. The kernel closes it with the starter's last breath, and the
/// view plugin sees its input end.
///
/// Keep it for as long as the view is wanted.
package final class ViewLifeline: Sendable {
    /// For the process's standard input.
    package let input: Int32
    private let held: Int32

    /// - Throws: `ReplicaError` with code `system` when the process has no descriptor left.
    package init() throws {
        var ends: [Int32] = [0, 0]
        // Sockets and not a pipe, because both are closed on exec from the first moment, so that no other child of ours
        // ever holds one.
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            throw ReplicaError(
                .system, "no lifeline for a view can be made: \(String(cString: strerror(errno)))",
                remedy: "Close views that are not needed, or raise the limit of open files.")
        }
        (input, held) = (ends[0], ends[1])
    }

    deinit {
        close(input)
        close(held)
    }
}
