import Foundation

/// Kernel and initramfs of the test guest: Debian's cloud kernel and one static program as process 1.
///
/// The guest's program is compiled on this machine, because shipping a binary would hide what runs.
package struct GuestImage: Sendable {
    package let kernel: String
    package let initramfs: String
    /// Whether QEMU's guest agent is inside, so that file systems can be frozen.
    package let hasGuestAgent: Bool

    /// virtio and ACPI are modules in Debian's kernel. ext4 and the serial ports are built in.
    private static let modules = ["virtio_pci", "virtio_blk", "virtio_console", "virtio_net", "button", "evdev"]

    /// What is missing on this machine, as one sentence; nil when a guest can be built.
    package static var missing: String? {
        if newestKernel() == nil {
            return "no kernel with modules is installed: apt-get install linux-image-cloud-amd64"
        }
        for (tool, package) in [
            ("cc", "gcc libc6-dev"), ("cpio", "cpio"), ("modprobe", "kmod"), ("qemu-img", "qemu-utils"),
            ("qemu-system-x86_64", "qemu-system-x86"),
        ] where !["/usr/bin", "/usr/sbin", "/sbin", "/bin"].contains(where: { access("\($0)/\(tool)", X_OK) == 0 }) {
            return "\(tool) is not installed: apt-get install \(package)"
        }
        return nil
    }

    /// Builds the initramfs in `folder`, in about a second; an earlier one there is replaced.
    ///
    /// - Throws: `TestGuestError`.
    package init(in folder: String) throws {
        guard let version = Self.newestKernel() else {
            throw TestGuestError(
                .missing, "no kernel with modules is installed", remedy: "apt-get install linux-image-cloud-amd64")
        }
        let tree = "\(folder)/initramfs"
        let files = FileManager.default
        if files.fileExists(atPath: tree) { try files.removeItem(atPath: tree) }
        try files.createDirectory(atPath: "\(tree)/modules", withIntermediateDirectories: true)

        let source = "\(folder)/init.c"
        try Data(PackageResources.init_c).write(to: URL(fileURLWithPath: source))
        try Tool.run(["cc", "-static", "-O2", "-o", "\(tree)/init", source])

        var order: [String] = []
        for module in Self.modules {
            let lines = try Tool.run(["modprobe", "--set-version", version, "--show-depends", module])
            for line in lines.split(separator: "\n") where line.hasPrefix("insmod ") {
                let path = String(line.dropFirst("insmod ".count).split(separator: " ")[0])
                let name = URL(fileURLWithPath: path).lastPathComponent
                guard !order.contains(name) else { continue }
                order.append(name)
                try files.copyItem(atPath: path, toPath: "\(tree)/modules/\(name)")
            }
        }
        try order.joined(separator: "\n").write(toFile: "\(tree)/modules/order", atomically: true, encoding: .utf8)
        hasGuestAgent = try Self.addGuestAgent(to: tree)

        initramfs = "\(folder)/initramfs.cpio"
        kernel = "/boot/vmlinuz-\(version)"
        try Tool.run(["bash", "-c", "set -o pipefail; find . | cpio --quiet -o -H newc >'\(initramfs)'"], in: tree)
        try files.removeItem(atPath: tree)
    }

    /// An image that was built elsewhere, as it is called where the guest runs.
    package init(kernel: String, initramfs: String, hasGuestAgent: Bool) {
        self.kernel = kernel
        self.initramfs = initramfs
        self.hasGuestAgent = hasGuestAgent
    }

    /// Copies QEMU's guest agent with the libraries it is linked to. False when it is not installed.
    private static func addGuestAgent(to tree: String) throws -> Bool {
        let program = "/usr/sbin/qemu-ga"
        guard access(program, X_OK) == 0 else { return false }
        let libraries = try Tool.run(["ldd", program]).split(separator: "\n").compactMap { line -> String? in
            line.split(separator: " ").map(String.init).first { $0.hasPrefix("/") || $0.hasPrefix("\t/") }?
                .trimmingCharacters(in: .whitespaces)
        }
        for path in [program] + libraries {
            let destination = tree + path
            try FileManager.default.createDirectory(
                atPath: URL(fileURLWithPath: destination).deletingLastPathComponent().path,
                withIntermediateDirectories: true)
            try FileManager.default.copyItem(
                atPath: URL(fileURLWithPath: path).resolvingSymlinksInPath().path, toPath: destination)
        }
        return true
    }

    private static func newestKernel() -> String? {
        let versions: [String]
        do { versions = try FileManager.default.contentsOfDirectory(atPath: "/lib/modules") } catch { return nil }
        return versions.sorted { $0.compare($1, options: .numeric) == .orderedDescending }
            .first { access("/boot/vmlinuz-\($0)", R_OK) == 0 && access("/lib/modules/\($0)/modules.dep", R_OK) == 0 }
    }
}
