package struct CaptureDescription: Sendable, Hashable {
    package let cycle: UInt64
    /// This host's clock at the capture instant, in milliseconds since 1970.
    package let capturedUnixMilliseconds: Int64
    /// What was reached.
    package let consistency: CaptureConsistency
    /// Why it was not `.application` when that was asked for; otherwise empty.
    package let consistencyNote: String
    package let disks: [CapturedDisk]
    /// The inactive definition (domain XML).
    package let definition: String
    /// UEFI variables; empty when the guest has none.
    package let nvram: [UInt8]
    /// The guest was shut off.
    package let isOffline: Bool
    /// How long the guest's file systems were frozen.
    package let frozen: Duration

    package init(
        cycle: UInt64, capturedUnixMilliseconds: Int64, consistency: CaptureConsistency, consistencyNote: String,
        disks: [CapturedDisk], definition: String, nvram: [UInt8], isOffline: Bool, frozen: Duration
    ) {
        self.cycle = cycle
        self.capturedUnixMilliseconds = capturedUnixMilliseconds
        self.consistency = consistency
        self.consistencyNote = consistencyNote
        self.disks = disks
        self.definition = definition
        self.nvram = nvram
        self.isOffline = isOffline
        self.frozen = frozen
    }

    package var changedBytes: UInt64 {
        disks.reduce(0) { $0 + $1.changed.reduce(0, +) }
    }
}
