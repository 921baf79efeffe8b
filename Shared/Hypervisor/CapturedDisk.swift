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
