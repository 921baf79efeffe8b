internal import FoundationEssentials

/// Which recovery point of a replica an operator means, in the words that every command takes: `latest`, `application`,
/// `verified`, a cycle's number, the start of an identifier, or a time.
package enum PointName: Sendable, Equatable {
    case latest
    case latestApplicationConsistent
    case latestVerified
    case cycle(UInt64)
    /// At least eight hexadecimal digits from the start of the point's identifier, in lower case.
    case identifier(prefix: String)
    /// The newest point that was captured at that time or before.
    case atOrBefore(unixMilliseconds: Int64)

    /// What a name can say of a point.
    package struct Facts: Sendable {
        var cycle: UInt64
        var capturedUnixMilliseconds: Int64
        var isApplicationConsistent: Bool
        var isVerified: Bool
        var identifier: String

        /// - Parameter identifier: hexadecimal digits in lower case.
        package init(
            cycle: UInt64, capturedUnixMilliseconds: Int64, isApplicationConsistent: Bool, isVerified: Bool,
            identifier: String
        ) {
            self.cycle = cycle
            self.capturedUnixMilliseconds = capturedUnixMilliseconds
            self.isApplicationConsistent = isApplicationConsistent
            self.isVerified = isVerified
            self.identifier = identifier
        }
    }

    /// What came of looking for it.
    package enum Outcome<Point> {
        case found(Point)
        case notFound
        /// This start of an identifier is that of so many.
        case several(start: String, Int)
    }

    /// Nil: it names nothing.
    ///
    /// - Parameter localTime: reads a time without a zone, in milliseconds since 1970; nil: it is none. Without it, times
    ///   have their zone, because a service knows none but UTC.
    package init?(_ text: String, localTime: (String) -> Int64? = { _ in nil }) {
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
        } else if let time = Self.zonedTime(text) ?? localTime(text) {
            self = .atOrBefore(unixMilliseconds: time)
        } else {
            return nil
        }
    }

    /// Looks for it among `points`, oldest first.
    package func choose<Point>(among points: [Point], facts: (Point) -> Facts) -> Outcome<Point> {
        let found: Point?
        switch self {
        case .latest: found = points.last
        case .latestApplicationConsistent: found = points.last { facts($0).isApplicationConsistent }
        case .latestVerified: found = points.last { facts($0).isVerified }
        case .cycle(let cycle): found = points.first { facts($0).cycle == cycle }
        case .atOrBefore(let time): found = points.last { facts($0).capturedUnixMilliseconds <= time }
        case .identifier(let prefix):
            let matches = points.filter { facts($0).identifier.hasPrefix(prefix) }
            guard matches.count <= 1 else { return .several(start: prefix, matches.count) }
            found = matches.first
        }
        return found.map { .found($0) } ?? .notFound
    }

    private static func zonedTime(_ text: String) -> Int64? {
        // With parts of a second, as documents for machines have them, and without.
        for style in [Date.ISO8601FormatStyle(includingFractionalSeconds: true), .init()] {
            do { return Int64((try style.parse(text).timeIntervalSince1970 * 1_000).rounded()) } catch {
                // Not in this form; the caller says which there are.
                continue
            }
        }
        return nil
    }
}
