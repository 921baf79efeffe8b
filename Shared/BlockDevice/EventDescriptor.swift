import CLibnbd
import Glibc

/// A counter of the kernel that wakes a thread sleeping in `poll` (eventfd(2)).
package final class EventDescriptor: Sendable {
    package let descriptor: Int32

    package init() {
        descriptor = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        precondition(descriptor >= 0, "the system has no descriptor left")
    }

    deinit { Glibc.close(descriptor) }

    package func signal() {
        var one: UInt64 = 1
        // Fails only when the counter is full, and then the thread is awake anyway.
        _ = write(descriptor, &one, 8)
    }

    package func clear() {
        var count: UInt64 = 0
        // Fails only when nothing was signalled.
        _ = read(descriptor, &count, 8)
    }

    /// Waits until it is signalled, at most so long. Blocks, and leaves it signalled.
    package func wait(atMost limit: Duration) -> Bool {
        let deadline = ContinuousClock.now + limit
        while true {
            let left = deadline - .now
            var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let milliseconds = max(
                0, left.components.seconds * 1_000 + left.components.attoseconds / 1_000_000_000_000_000)
            if poll(&entry, 1, Int32(clamping: milliseconds)) > 0 { return true }
            if left <= .zero { return false }
        }
    }
}
