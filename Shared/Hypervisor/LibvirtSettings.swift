/// How this host's libvirt is driven.
package struct LibvirtSettings: Sendable, Hashable {
    /// `qemu:///system`, or `qemu:///embed?root=/short/path`.
    package let uri: String
    /// For sockets, scratch files and process files of captures; of one agent alone. Its path is at most 60 characters.
    package let directory: String
    /// Free space that scratch files leave alone, in bytes.
    package let scratchReserveBytes: UInt64
    /// What scratch files of one capture may hold, in bytes; nil: until the reserve is reached.
    package let scratchLimitBytes: UInt64?

    package init(
        uri: String, directory: String,
        scratchReserveBytes: UInt64 = HypervisorLimits.defaultScratchReserveBytes, scratchLimitBytes: UInt64? = nil
    ) {
        self.uri = uri
        self.directory = directory
        self.scratchReserveBytes = scratchReserveBytes
        self.scratchLimitBytes = scratchLimitBytes
    }
}
