/// What it takes to start the guest besides its disks, as of the capture instant. It is sealed in the log, because a
/// definition may hold secrets, and read only when asked for, because a journal has thousands of logs.
package struct GuestConfiguration: Equatable, Sendable {
    /// The inactive domain XML; at most 1 MiB of UTF-8.
    package var definition: String
    /// UEFI variables; empty: none. At most 8 MiB.
    package var nvram: [UInt8]

    package init(definition: String, nvram: [UInt8] = []) {
        self.definition = definition
        self.nvram = nvram
    }
}
