import FoundationEssentials

/// The record of a started replica, as `failover/state` and `test/state` hold it: one JSON object. Overview.md has the
/// fields.
extension StartedReplica {
    static let version = 1

    private struct Record: Codable {
        var version: Int
        var purpose: String
        var phase: String
        var cycle: UInt64
        var generation: UInt64
        var onBase: Bool
        var guest: String
        var guestName: String
        var viewSocket: String
        var started: StartedGuest?
        var adoption: Adoption?
    }

    func encoded() throws -> [UInt8] {
        try checkInvariants()
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        let record = Record(
            version: Self.version, purpose: order.purpose.rawValue, phase: phase.name, cycle: order.cycle,
            generation: order.generation, onBase: order.onBase, guest: guest, guestName: guestName,
            viewSocket: viewSocket, started: started, adoption: adoption)
        return [UInt8](try encoder.encode(record)) + [UInt8(ascii: "\n")]
    }

    init(decoding bytes: [UInt8]) throws {
        let record: Record
        do {
            record = try JSONDecoder().decode(Record.self, from: Data(bytes))
        } catch {
            throw Self.wrong("it is not a record", cause: error)
        }
        guard record.version == Self.version, let purpose = Purpose(rawValue: record.purpose) else {
            throw Self.wrong(
                "it is of another release",
                facts: ["version": "\(record.version)", "purpose": record.purpose])
        }
        self.init(
            order: Order(
                purpose: purpose, cycle: record.cycle, generation: record.generation, onBase: record.onBase),
            guest: record.guest, guestName: record.guestName, viewSocket: record.viewSocket,
            phase: try Self.phase(record.phase, record.started, record.adoption))
        try checkInvariants()
    }

    /// Of a record alone, whose path and remedy whoever reads it adds; the agent's database has nothing to do with it.
    static func wrong(_ why: String, facts: [String: String] = [:], cause: (any Error)? = nil) -> HostAgentError {
        HostAgentError(
            .corruptState, "The record of a started guest is wrong: \(why).", remedy: "See where it is read from.",
            facts: facts, cause: cause)
    }

    private var adoption: Adoption? {
        switch phase {
        case .returning(_, let adoption): adoption
        case .starting, .running, .committing, .committed, .plain, .stopping: nil
        }
    }

    private static func phase(
        _ name: String, _ started: StartedGuest?, _ adoption: Adoption?
    ) throws -> Phase {
        switch (name, started, adoption) {
        case ("starting", nil, nil): return .starting
        case ("stopping", nil, nil): return .stopping
        case ("running", let guest?, nil): return .running(guest)
        case ("committing", let guest?, nil): return .committing(guest)
        case ("committed", let guest?, nil): return .committed(guest)
        case ("plain", let guest?, nil): return .plain(guest)
        case ("returning", let guest?, let adoption?): return .returning(guest, adoption)
        case (_, _, _):
            throw wrong("it does not hold together", facts: ["phase": name])
        }
    }
}
