package import Foundation

/// How quantities are written for people: three digits that matter, a space, and a unit that says its base.
///
/// Sizes count in 1,024 (KiB, MiB, …) because disks of guests are sized so. Machines read `--json`, which has plain
/// numbers with the unit in the key.
package enum HumanUnits {
    /// `0 B`, `512 B`, `1.5 GiB`, `12.3 MiB`, `123 KiB`.
    package static func bytes(_ count: UInt64) -> String {
        guard count >= 1_024 else { return "\(count) B" }
        let units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
        var value = Double(count) / 1_024
        var index = 0
        // 999.5 would be written as 1000, which is four digits.
        while value >= 999.5 && index + 1 < units.count {
            value /= 1_024
            index += 1
        }
        return "\(threeDigits(value)) \(units[index])"
    }

    /// `210 MiB/s`.
    package static func rate(_ bytesPerSecond: UInt64) -> String { "\(bytes(bytesPerSecond))/s" }

    /// `85 ms`, `1.4 s`, `12 s`, `3 min 5 s`, `2 h 10 min`, `3 d 4 h`: at most two units, the smaller one left out when 0.
    package static func duration(milliseconds: Int64) -> String {
        let magnitude = max(0, milliseconds)
        if magnitude < 1_000 { return "\(magnitude) ms" }
        if magnitude < 9_950 { return String(format: "%.1f s", Double(magnitude) / 1_000) }
        let seconds = magnitude / 1_000 + (magnitude % 1_000 >= 500 ? 1 : 0)
        if seconds < 60 { return "\(seconds) s" }
        if seconds < 3_600 { return pair(seconds / 60, "min", seconds % 60, "s") }
        let minutes = seconds / 60
        if minutes < 24 * 60 { return pair(minutes / 60, "h", minutes % 60, "min") }
        let hours = minutes / 60
        return pair(hours / 24, "d", hours % 24, "h")
    }

    package static func duration(_ duration: Duration) -> String {
        self.duration(milliseconds: duration.milliseconds)
    }

    /// A span out of a policy: `1 s`, `5 min`, `4 h`, `30 d`; `never` for 0.
    package static func span(seconds: UInt32) -> String {
        seconds == 0 ? "never" : duration(milliseconds: Int64(seconds) * 1_000).replacing(".0 s", with: " s")
    }

    /// `1,234,567`.
    package static func count(_ number: UInt64) -> String {
        var digits = Array(String(number))
        var position = digits.count - 3
        while position > 0 {
            digits.insert(",", at: position)
            position -= 3
        }
        return String(digits)
    }

    /// `62 %`, rounded down so that 100 % means done.
    package static func percent(_ fraction: Double) -> String { "\(Int(min(max(fraction, 0), 1) * 100)) %" }

    /// `2026-11-23 03:44:51` in the given zone.
    package static func time(unixMilliseconds: Int64, in zone: TimeZone = .current) -> String {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = zone
        formatter.dateFormat = "yyyy-MM-dd HH:mm:ss"
        return formatter.string(from: Date(timeIntervalSince1970: Double(unixMilliseconds) / 1_000))
    }

    /// `2026-11-23T03:44:51.250Z`, as documents for machines carry times.
    package static func timestamp(unixMilliseconds: Int64) -> String {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = TimeZone(secondsFromGMT: 0)
        formatter.dateFormat = "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'"
        return formatter.string(from: Date(timeIntervalSince1970: Double(unixMilliseconds) / 1_000))
    }

    private static func threeDigits(_ value: Double) -> String {
        if value < 9.95 { return String(format: "%.1f", value) }
        if value < 99.95 { return String(format: "%.1f", value) }
        return String(format: "%.0f", value)
    }

    private static func pair(_ large: Int64, _ largeUnit: String, _ small: Int64, _ smallUnit: String) -> String {
        small == 0 ? "\(large) \(largeUnit)" : "\(large) \(largeUnit) \(small) \(smallUnit)"
    }
}
