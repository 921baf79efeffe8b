/// What a committed log holds; read from its trailer.
package struct DeltaLogSummary: Equatable, Sendable {
    package var extents: UInt64
    /// Records that extents refer to. A merged log may hold several extents of one record.
    package var records: UInt64
    /// Disk bytes that data extents cover.
    package var dataBytes: UInt64
    /// Disk bytes that zero extents cover.
    package var zeroBytes: UInt64
    /// Size of the file.
    package var fileBytes: UInt64

    /// Disk bytes that differ from the parent point, as far as the log says.
    package var changedBytes: UInt64 { dataBytes + zeroBytes }
}

/// What one attempt has brought in, so that both ends can compare.
package struct AttemptSummary: Equatable, Sendable {
    package var records: UInt64
    /// Headers, payloads and tags as they stand in the file.
    package var storedBytes: UInt64
    /// SHA-256 over header and tag of every record, in order of sequence; 32 bytes.
    package var digest: [UInt8]
}
