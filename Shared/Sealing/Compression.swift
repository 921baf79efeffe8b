/// How the payload of one record is packed. The raw value is stored.
package enum CompressionCodec: UInt8, Sendable, CaseIterable {
    case none = 0
    case lz4 = 1
    case zstd = 2
}

/// What the policy asks for. Whatever it asks, a payload that does not shrink is stored as it is.
package enum CompressionPreference: Sendable, CaseIterable {
    case none
    case lz4
    case zstd
    /// Per payload, by what a small sample says.
    case automatic
}
