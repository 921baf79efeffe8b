/// What the policy asks for. Whatever it asks, a payload that does not shrink is stored as it is.
package enum CompressionPreference: Sendable, CaseIterable {
    case none
    case lz4
    case zstd
    /// Per payload, by what a small sample says.
    case automatic
}
