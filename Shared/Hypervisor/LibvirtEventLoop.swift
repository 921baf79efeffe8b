import BlockDevice
import CLibvirt
import Glibc

/// libvirt's event loop: one thread for the whole process, started before the first connection is opened, because
/// drivers and events depend on it (libvirt, "virEventRegisterDefaultImpl").
enum LibvirtEventLoop {
    /// Runs for the life of the process; libvirt offers no way to end it.
    static let isRunning: Bool = {
        // Only errors, on standard error: what fails is reported by whoever called.
        setenv("LIBVIRT_DEBUG", "4", 0)
        guard virInitialize() == 0, virEventRegisterDefaultImpl() == 0 else { return false }
        virSetErrorFunc(nil) { _, _ in }
        DedicatedThread.start(name: "bascule-virt") {
            // A failed round is told by the next call on the connection; the loop itself goes on.
            while true { _ = virEventRunDefaultImpl() }
        }
        return true
    }()
}
