import Foundation

/// A root of libvirt's embedded driver, as both sites of a local installation use it.
package enum EmbeddedHypervisor {
    /// Makes the root, with what QEMU's driver needs outside systemd and without its log daemon.
    package static func prepare(at root: String) throws {
        try FileManager.default.createDirectory(atPath: "\(root)/etc", withIntermediateDirectories: true)
        try settings.write(toFile: "\(root)/etc/qemu.conf", atomically: true, encoding: .utf8)
    }

    private static let settings = """
        stdio_handler = "file"
        user = "root"
        group = "root"
        security_driver = "none"
        cgroup_controllers = []
        namespaces = []
        remember_owner = 0

        """
}
