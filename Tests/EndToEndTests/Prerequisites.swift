import Foundation
import TestGuest

/// Whether this machine can run real guests for the end-to-end tests, and what is missing otherwise.
enum Prerequisites {
    /// One sentence; nil when everything is there.
    static var missing: String? {
        if ProcessInfo.processInfo.environment["BASCULE_PRIVATE_LIBVIRT"] != "1" {
            return "no libvirtd of their own: run them with `make test`, which uses Scripts/with-private-libvirt (root)"
        }
        if let missing = GuestImage.missing { return missing }
        for tool in ["virsh", "nbdcopy", "nbdkit", "qemu-img", "qemu-nbd", "openssl"] {
            do { _ = try Command.find(tool) } catch { return "\(error)" }
        }
        return nil
    }

    static let met = missing == nil
}
