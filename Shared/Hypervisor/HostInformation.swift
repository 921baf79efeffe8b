package struct HostInformation: Sendable, Hashable {
    package let name: String
    package let hypervisorURI: String
    /// For people: "QEMU 7.2.22, libvirt 9.0.0".
    package let version: String
    package let memoryBytes: UInt64
    /// What guests could still use.
    package let memoryFreeBytes: UInt64

    package init(name: String, hypervisorURI: String, version: String, memoryBytes: UInt64, memoryFreeBytes: UInt64) {
        self.name = name
        self.hypervisorURI = hypervisorURI
        self.version = version
        self.memoryBytes = memoryBytes
        self.memoryFreeBytes = memoryFreeBytes
    }
}

/// One thing that a host must have, and whether it has.
package struct Prerequisite: Sendable, Hashable {
    package let name: String
    package let isMet: Bool
    /// What was seen.
    package let detail: String
    /// How to mend it; empty when met.
    package let remedy: String

    package init(name: String, isMet: Bool, detail: String, remedy: String = "") {
        self.name = name
        self.isMet = isMet
        self.detail = detail
        self.remedy = remedy
    }
}
