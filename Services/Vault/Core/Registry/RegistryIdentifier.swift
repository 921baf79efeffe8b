/// A UUID in its one written form: 36 characters, lower case, as libvirt writes guests' UUIDs.
///
/// One form, because identifiers are compared as text by every service and name directories on the target hosts.
struct RegistryIdentifier: Hashable, Comparable, Sendable, CustomStringConvertible {
    let text: String

    /// `nil` unless `text` is 8-4-4-4-12 hexadecimal digits, in either case.
    init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count == 36 else { return nil }
        for (position, byte) in bytes.enumerated() {
            let isDash = position == 8 || position == 13 || position == 18 || position == 23
            guard isDash ? byte == UInt8(ascii: "-") : Self.isHexadecimalDigit(byte) else { return nil }
        }
        self.text = text.lowercased()
    }

    /// A new version 4 UUID.
    init(using generator: inout some RandomNumberGenerator) {
        var bytes = (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        bytes[6] = bytes[6] & 0x0F | 0x40
        bytes[8] = bytes[8] & 0x3F | 0x80
        let digits = Array("0123456789abcdef")
        var text = ""
        for (position, byte) in bytes.enumerated() {
            if position == 4 || position == 6 || position == 8 || position == 10 { text.append("-") }
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 0x0F)])
        }
        self.text = text
    }

    private static func isHexadecimalDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
            UInt8(ascii: "A")...UInt8(ascii: "F"):
            true
        default: false
        }
    }

    static func < (left: Self, right: Self) -> Bool { left.text < right.text }

    var description: String { text }
}
