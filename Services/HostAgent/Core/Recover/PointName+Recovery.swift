import Messages
import Replica

extension PointName {
    /// - Throws: `RemoteError` with code `invalidArgument`.
    init(naming text: String) throws {
        guard let name = PointName(text) else {
            throw RemoteError(
                .invalidArgument, "“\(text.prefix(80))” does not name a recovery point.",
                remedy: "Write latest, application, verified, a cycle's number, eight digits of an identifier or more, "
                    + "or a time with its zone, as in 2026-11-23T03:44:51Z.")
        }
        self = name
    }

    /// The cycle of the point among `points`, oldest first, of which there is one at least.
    ///
    /// - Throws: `RemoteError` with code `notFound`, or `invalidArgument` when an identifier's start means several.
    func cycle(among points: [Messages.RecoveryPoint], of guest: String) throws -> UInt64 {
        switch choose(among: points, facts: Facts.init(wire:)) {
        case .found(let point): return point.cycle
        case .several(let start, let count):
            throw RemoteError(
                .invalidArgument, "\(start) is the start of \(count) points.", remedy: "Write more of it.")
        case .notFound:
            let held = points.isEmpty ? "none" : "cycles \(points[0].cycle) to \(points[points.count - 1].cycle)"
            throw RemoteError(
                .notFound, "None of the \(points.count) points of \(guest) is the one that is meant.",
                remedy: "It holds \(held). Name another with --point, or start the newest without it.")
        }
    }
}

extension PointName.Facts {
    fileprivate init(wire point: Messages.RecoveryPoint) {
        self.init(
            cycle: point.cycle, capturedUnixMilliseconds: point.capturedUnixMs,
            isApplicationConsistent: point.consistency == .application, isVerified: point.verified,
            identifier: point.identifier.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined())
    }
}
