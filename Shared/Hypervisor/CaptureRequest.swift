package struct CaptureRequest: Sendable, Hashable {
    package let protection: String
    package let guest: String
    /// Above every earlier cycle of the protection, because checkpoints are ordered by it.
    package let cycle: UInt64
    package let kind: CaptureKind
    package let consistency: CaptureConsistency
    /// Longest time that file systems stay frozen: `HypervisorLimits.freezeLimit`.
    package let freezeLimit: Duration
    /// How finely changes are counted: `BlockDeviceLimits.regionsPerDisk`.
    package let regionsPerDisk: Int

    package init(
        protection: String, guest: String, cycle: UInt64, kind: CaptureKind,
        consistency: CaptureConsistency = .crash, freezeLimit: Duration = HypervisorLimits.defaultFreezeLimit,
        regionsPerDisk: Int = 1_024
    ) {
        self.protection = protection
        self.guest = guest
        self.cycle = cycle
        self.kind = kind
        self.consistency = consistency
        self.freezeLimit = freezeLimit
        self.regionsPerDisk = regionsPerDisk
    }
}
