internal import Sealing

/// The 16 bytes that name a recovery point for good. All zero means "no point": the parent of a first cycle.
package struct PointIdentifier: Hashable, Sendable, CustomStringConvertible {
    package static let byteCount = 16
    package static let none = PointIdentifier(high: 0, low: 0)

    private let high: UInt64
    private let low: UInt64

    private init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// `nil` unless there are exactly 16 bytes.
    package init?(bytes: some Collection<UInt8>) {
        guard bytes.count == Self.byteCount else { return nil }
        high = bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
        low = bytes.dropFirst(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    package static func random() throws -> PointIdentifier {
        guard let identifier = PointIdentifier(bytes: try SecureRandom.bytes(byteCount)) else {
            preconditionFailure("asked for 16 bytes")
        }
        return identifier
    }

    package var bytes: [UInt8] {
        withUnsafeBytes(of: high.bigEndian) { Array($0) } + withUnsafeBytes(of: low.bigEndian) { Array($0) }
    }

    /// 32 hexadecimal digits.
    package var description: String {
        let digits = Array("0123456789abcdef")
        return String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
    }
}
