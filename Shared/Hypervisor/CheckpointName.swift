/// Name of a checkpoint of ours, which is also the name of its bitmaps: `bascule-<8 hex digits>-<cycle>`.
///
/// The digits are the first eight of the protection's UUID. Whatever has another name is not ours and never touched.
package struct CheckpointName: Sendable, Hashable, CustomStringConvertible {
    package static let prefix = "bascule-"

    /// First eight hexadecimal digits of the protection's UUID, in lower case.
    package let protectionPrefix: String
    package let cycle: UInt64

    package init(protection: String, cycle: UInt64) {
        self.protectionPrefix = Self.prefix(ofProtection: protection)
        self.cycle = cycle
    }

    /// Nil when `text` does not name a checkpoint of ours.
    package init?(_ text: String) {
        guard text.hasPrefix(Self.prefix) else { return nil }
        let parts = text.dropFirst(Self.prefix.count).split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0].count == 8, parts[0].allSatisfy({ $0.isHexDigit && !$0.isUppercase }),
            let cycle = UInt64(parts[1]), String(cycle) == parts[1]
        else { return nil }
        protectionPrefix = String(parts[0])
        self.cycle = cycle
    }

    package var description: String { "\(Self.prefix)\(protectionPrefix)-\(cycle)" }

    package func belongs(to protection: String) -> Bool {
        protectionPrefix == Self.prefix(ofProtection: protection)
    }

    static func prefix(ofProtection protection: String) -> String {
        let digits = protection.prefix(8).lowercased()
        precondition(
            digits.count == 8 && digits.allSatisfy(\.isHexDigit), "a protection is named by a UUID")
        return digits
    }
}

extension Sequence<CheckpointName> {
    /// The base for a capture whose parent is `cycle`, and the one to keep when `cycle` is acknowledged: the newest
    /// not above it. A bitmap that began at or before the parent's instant holds every change since that instant.
    package func newest(ofProtection protection: String, upTo cycle: UInt64) -> CheckpointName? {
        filter { $0.belongs(to: protection) && $0.cycle <= cycle }.max { $0.cycle < $1.cycle }
    }
}
