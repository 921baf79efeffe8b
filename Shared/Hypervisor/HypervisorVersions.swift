/// Versions of libvirt and QEMU, and what Bascule needs of them.
struct HypervisorVersions: Sendable, Hashable {
    /// As libvirt counts: 1,000,000 × major + 1,000 × minor + release.
    var library: UInt
    var emulator: UInt

    /// libvirt's release notes of 7.6.0: with it and QEMU 6.1, incremental backups and their checkpoints work whole.
    static let oldestLibrary: UInt = 7_006_000
    static let oldestEmulator: UInt = 6_001_000

    var text: String { "QEMU \(Self.text(emulator)), libvirt \(Self.text(library))" }

    var prerequisites: [Prerequisite] {
        [
            prerequisite("libvirt version", library, oldest: Self.oldestLibrary, package: "libvirt-daemon-system"),
            prerequisite("QEMU version", emulator, oldest: Self.oldestEmulator, package: "qemu-system-x86"),
        ]
    }

    private func prerequisite(_ name: String, _ version: UInt, oldest: UInt, package: String) -> Prerequisite {
        let isMet = version >= oldest
        let needed = Self.text(oldest)
        return Prerequisite(
            name: name, isMet: isMet,
            detail: isMet ? Self.text(version) : "\(Self.text(version)) makes no incremental backups; \(needed) does",
            remedy: isMet ? "" : "Install \(needed) or later (\(package)).")
    }

    private static func text(_ number: UInt) -> String {
        "\(number / 1_000_000).\(number / 1_000 % 1_000).\(number % 1_000)"
    }
}
