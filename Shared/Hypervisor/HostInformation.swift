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
