package struct GuestDescription: Sendable, Hashable {
    package let uuid: String
    package let name: String
    package let power: PowerState
    package let memoryBytes: UInt64
    package let virtualCPUs: Int
    /// In the order of the definition; the index is the disk's number in a delta log.
    package let disks: [DiskDescription]
    package let findings: [Finding]
    /// A guest agent answers: an application-consistent capture is possible.
    package let hasGuestAgent: Bool
    /// The inactive definition (domain XML), with its secrets, as it would be defined elsewhere, and with the disks that
    /// only its present run has.
    package let definition: String
    /// The host starts it when it starts itself.
    package let startsWithHost: Bool
    /// Tells one run of the guest from the next; nil while it is off. Numbers begin anew when the host does.
    package let run: UInt32?

    package init(
        uuid: String, name: String, power: PowerState, memoryBytes: UInt64, virtualCPUs: Int,
        disks: [DiskDescription], findings: [Finding], hasGuestAgent: Bool, definition: String,
        startsWithHost: Bool = false, run: UInt32? = nil
    ) {
        self.uuid = uuid
        self.name = name
        self.power = power
        self.memoryBytes = memoryBytes
        self.virtualCPUs = virtualCPUs
        self.disks = disks
        self.findings = findings
        self.hasGuestAgent = hasGuestAgent
        self.definition = definition
        self.startsWithHost = startsWithHost
        self.run = run
    }

    /// The first finding that forbids protecting and capturing this guest.
    package var blockingFinding: Finding? { findings.first(where: \.isBlocking) }
}
