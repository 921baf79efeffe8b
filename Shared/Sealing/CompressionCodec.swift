/// How the payload of one record is packed. The raw value is stored.
package enum CompressionCodec: UInt8, Sendable, CaseIterable {
    case none = 0
    case lz4 = 1
    case zstd = 2
}
