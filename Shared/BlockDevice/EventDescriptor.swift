import CLibnbd
import Glibc

/// A counter of the kernel that wakes a thread sleeping in `poll` (eventfd(2)).
final class EventDescriptor: Sendable {
    let descriptor: Int32

    init() {
        descriptor = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        precondition(descriptor >= 0, "the system has no descriptor left")
    }

    deinit { Glibc.close(descriptor) }

    func signal() {
        var one: UInt64 = 1
        // Fails only when the counter is full, and then the thread is awake anyway.
        _ = write(descriptor, &one, 8)
    }

    func clear() {
        var count: UInt64 = 0
        // Fails only when nothing was signalled.
        _ = read(descriptor, &count, 8)
    }
}
