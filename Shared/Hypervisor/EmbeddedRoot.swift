import Foundation

/// The directory of libvirt's embedded driver, which one process at a time may have open.
///
/// It has to be free before libvirt is asked to open it: a failed attempt leaves libvirt's driver registered in this
/// process, and after a few more libvirt 9.0 refuses every later one ("Too many drivers, cannot register QEMU"), so that
/// trying again and again would never succeed.
struct EmbeddedRoot: Sendable, Hashable {
    let path: String

    /// Nil when `uri` does not name an embedded driver.
    init?(uri: String) {
        guard let components = URLComponents(string: uri), components.path == "/embed",
            let root = components.queryItems?.first(where: { $0.name == "root" })?.value
        else { return nil }
        path = root
    }

    /// The other process that has it open; nil when none has.
    var occupant: pid_t? {
        // libvirt holds a lock on this file for as long as its driver runs; see virPidFileAcquire.
        let descriptor = open("\(path)/run/qemu/driver.pid", O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var lock = flock()
        lock.l_type = Int16(F_WRLCK)
        lock.l_whence = Int16(SEEK_SET)
        guard fcntl(descriptor, F_GETLK, &lock) == 0, Int32(lock.l_type) != F_UNLCK else { return nil }
        return lock.l_pid
    }

    /// Throws `.unavailable` while another process has it open.
    func checkFree() throws {
        guard let occupant else { return }
        throw HypervisorError(
            .unavailable, "The embedded hypervisor at \(path) is open in process \(occupant).",
            remedy: "Nothing if that is virsh or an agent that is ending; otherwise end it, or use another root.")
    }
}
