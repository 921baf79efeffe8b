import Foundation
import Replica

extension PointName {
    /// Times without a zone are of this machine's.
    ///
    /// - Throws: `OperatorError` with code `usage`.
    init(naming text: String) throws {
        guard let name = PointName(text, localTime: Self.localTime) else {
            throw OperatorError(
                .usage, "\"\(text)\" does not name a recovery point",
                remedy: "write latest, application, verified, a cycle's number, an identifier, or a time as in"
                    + " 2026-11-23T03:44:51Z (see: bascule points GUEST)")
        }
        self = name
    }

    /// The point among `points`, oldest first.
    ///
    /// - Throws: `OperatorError` with code `notFound`, or `usage` when an identifier's start means several.
    func choose(from points: [PointRecord], of guest: String) throws -> PointRecord {
        guard let oldest = points.first, let newest = points.last else {
            throw OperatorError(
                .notFound, "\(guest) has no recovery point yet", remedy: "wait for the seeding: bascule status \(guest)"
            )
        }
        switch choose(among: points, facts: Facts.init(record:)) {
        case .found(let point): return point
        case .several(let start, let count):
            throw OperatorError(.usage, "\(start) is the start of \(count) points", remedy: "write more of it")
        case .notFound where self == .latestVerified:
            throw OperatorError(
                .notFound, "none of the \(points.count) recovery points of \(guest) is verified",
                remedy: "run a test, which marks its point once the guest answers: bascule failover \(guest)"
                    + " --test")
        case .notFound:
            throw OperatorError(
                .notFound, "\(guest) has no such recovery point",
                remedy: "it holds cycles \(oldest.cycle) to \(newest.cycle); see: bascule points \(guest)")
        }
    }

    private static func localTime(_ text: String) -> Int64? {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        // Several, because a formatter reads one: what tables and people write.
        for format in ["yyyy-MM-dd'T'HH:mm:ss", "yyyy-MM-dd HH:mm:ss", "yyyy-MM-dd HH:mm"] {
            formatter.dateFormat = format
            if let date = formatter.date(from: text) { return Int64(date.timeIntervalSince1970 * 1_000) }
        }
        return nil
    }
}

extension PointName.Facts {
    fileprivate init(record point: PointRecord) {
        self.init(
            cycle: point.cycle, capturedUnixMilliseconds: point.capturedUnixMilliseconds,
            isApplicationConsistent: point.consistency == .application, isVerified: point.verified,
            identifier: point.identifier)
    }
}
