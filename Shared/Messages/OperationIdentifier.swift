package import FoundationEssentials

/// Names one act of one caller: 16 bytes, random, and the same for every repetition of the request.
///
/// A server answers a repeated identifier with the first answer instead of acting again, so an identifier must never
/// be used for a second, different request.
package struct OperationIdentifier: Hashable, Sendable, CustomStringConvertible {
    package static let byteCount = 16

    package let high: UInt64
    package let low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Nil unless there are exactly 16 bytes.
    package init?(bytes: some Collection<UInt8>) {
        guard bytes.count == Self.byteCount else { return nil }
        var high: UInt64 = 0
        var low: UInt64 = 0
        for (index, byte) in bytes.enumerated() {
            if index < 8 { high = high << 8 | UInt64(byte) } else { low = low << 8 | UInt64(byte) }
        }
        self.init(high: high, low: low)
    }

    package static func random() -> OperationIdentifier {
        OperationIdentifier(high: .random(in: .min ... .max), low: .random(in: .min ... .max))
    }

    /// 16 bytes, `high` first, each half big-endian.
    package var bytes: Data {
        var data = Data(capacity: Self.byteCount)
        for half in [high, low] {
            withUnsafeBytes(of: half.bigEndian) { data.append(contentsOf: $0) }
        }
        return data
    }

    /// 32 lower-case hexadecimal digits, for logs.
    package var description: String {
        [high, low].map { half in
            let digits = String(half, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }
}
