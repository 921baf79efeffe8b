internal import FoundationEssentials

/// Appends big-endian fields. Texts and blobs carry their length in 32 bits before them.
struct ByteEncoder {
    var bytes: [UInt8] = []

    mutating func integer(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func uuid(_ value: UUID) {
        withUnsafeBytes(of: value.uuid) { bytes.append(contentsOf: $0) }
    }

    mutating func blob(_ value: [UInt8]) {
        integer(UInt32(value.count))
        bytes += value
    }

    mutating func text(_ value: String) { blob(Array(value.utf8)) }
}
