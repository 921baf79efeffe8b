import Foundation

/// Which recovery point an operator means: `latest`, `application`, `verified`, a cycle's number, an identifier, or a
/// time.
package enum PointSelector: Sendable, Equatable {
    case latest
    case latestApplicationConsistent
    case latestVerified
    case cycle(UInt64)
    /// At least eight hexadecimal digits from the start of the point's identifier.
    case identifier(prefix: String)
    /// The newest point that was captured at that time or before.
    case atOrBefore(unixMilliseconds: Int64)

    /// - Throws: `OperatorError` with code `usage`.
    package init(_ text: String) throws {
        if text == "latest" || text == "newest" {
            self = .latest
        } else if text == "application" || text == "latest-app" {
            self = .latestApplicationConsistent
        } else if text == "verified" {
            self = .latestVerified
        } else if let cycle = UInt64(text), cycle > 0, text.count < 12 {
            self = .cycle(cycle)
        } else if text.count >= 8, text.allSatisfy({ $0.isASCII && $0.isHexDigit }) {
            self = .identifier(prefix: text.lowercased())
        } else if let time = Self.time(text) {
            self = .atOrBefore(unixMilliseconds: time)
        } else {
            throw OperatorError(
                .usage, "\"\(text)\" does not name a recovery point",
                remedy: "write latest, application, verified, a cycle's number, an identifier, or a time as in"
                    + " 2026-11-23T03:44:51Z (see: bascule points GUEST)")
        }
    }

    /// The point among `points`, oldest first.
    ///
    /// - Throws: `OperatorError` with code `notFound`, or `usage` when an identifier's start means several.
    package func choose(from points: [PointRecord], of guest: String) throws -> PointRecord {
        guard let oldest = points.first, let newest = points.last else {
            throw OperatorError(
                .notFound, "\(guest) has no recovery point yet", remedy: "wait for the seeding: bascule status \(guest)"
            )
        }
        let found: PointRecord?
        switch self {
        case .latest: found = newest
        case .latestApplicationConsistent: found = points.last { $0.consistency == .application }
        case .latestVerified: found = points.last { $0.verified }
        case .cycle(let cycle): found = points.first { $0.cycle == cycle }
        case .atOrBefore(let time): found = points.last { $0.capturedUnixMilliseconds <= time }
        case .identifier(let prefix):
            let matches = points.filter { $0.identifier.hasPrefix(prefix) }
            guard matches.count <= 1 else {
                throw OperatorError(
                    .usage, "\(prefix) is the start of \(matches.count) points", remedy: "write more of it")
            }
            found = matches.first
        }
        guard let found else {
            if self == .latestVerified {
                throw OperatorError(
                    .notFound, "none of the \(points.count) recovery points of \(guest) is verified",
                    remedy: "run a test, which marks its point once the guest answers: bascule failover \(guest)"
                        + " --test")
            }
            throw OperatorError(
                .notFound, "\(guest) has no such recovery point",
                remedy: "it holds cycles \(oldest.cycle) to \(newest.cycle); see: bascule points \(guest)")
        }
        return found
    }

    private static func time(_ text: String) -> Int64? {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        // Several, because a formatter reads one: what JSON prints, with a zone, and what tables and people write, without.
        let formats = [
            "yyyy-MM-dd'T'HH:mm:ss.SSSXXXXX", "yyyy-MM-dd'T'HH:mm:ssXXXXX", "yyyy-MM-dd'T'HH:mm:ss",
            "yyyy-MM-dd HH:mm:ss", "yyyy-MM-dd HH:mm",
        ]
        for format in formats {
            formatter.dateFormat = format
            if let date = formatter.date(from: text) { return Int64(date.timeIntervalSince1970 * 1_000) }
        }
        return nil
    }
}
