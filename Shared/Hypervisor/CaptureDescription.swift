package struct CapturedDisk: Sendable, Hashable {
    package let disk: DiskDescription
    /// Where it can be read while the capture is open.
    package let nbdURI: String
    /// Context of the dirty bitmap for an incremental capture, otherwise nil.
    package let bitmapContext: String?
    /// Length of a region in bytes; the last one may be shorter.
    package let regionBytes: UInt64
    /// Weight of what has to be sent per region, in bytes; see `ChangeHistogram`.
    package let changed: [UInt64]

    package init(
        disk: DiskDescription, nbdURI: String, bitmapContext: String?, regionBytes: UInt64, changed: [UInt64]
    ) {
        self.disk = disk
        self.nbdURI = nbdURI
        self.bitmapContext = bitmapContext
        self.regionBytes = regionBytes
        self.changed = changed
    }
}

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
