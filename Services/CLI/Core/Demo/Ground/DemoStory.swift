import Foundation

/// What the parts of a story that is played one by one have shown so far.
struct DemoStory: Sendable, Codable {
    var startedUnixSeconds: Int64
    var replication: Replication?
    var outcomes: [DemoOutcome] = []

    /// What `ReplicationAct` showed.
    struct Replication: Sendable, Codable {
        var seeding: CycleRecord
        var objective: RecoveryPointObjective
        var proof: DemoReport.Proof
        var cycles: [CycleRecord]
        var points: Int
        var journalBytes: UInt64
    }

    static func begin() -> DemoStory { DemoStory(startedUnixSeconds: Int64(Date().timeIntervalSince1970)) }

    /// - Throws: `OperatorError` with code `refused` when no story was begun.
    static func read(_ path: String) throws -> DemoStory {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw OperatorError(
                .refused, "no story was begun: \(path) is missing", remedy: "play the part protect first")
        }
        return try JSONDecoder().decode(DemoStory.self, from: data)
    }

    func write(_ path: String) throws {
        try JSONEncoder().encode(self).write(to: URL(fileURLWithPath: path), options: .atomic)
    }

    /// - Throws: `OperatorError` with code `refused` when replication was not played.
    func report() throws -> DemoReport {
        guard let replication else {
            throw OperatorError(.refused, "the story has no replication yet", remedy: "play the part replication first")
        }
        return DemoReport(
            seeding: replication.seeding, cycles: replication.cycles, objective: replication.objective,
            points: replication.points, journalBytes: replication.journalBytes, proof: replication.proof,
            outcomes: outcomes, seconds: Int(Int64(Date().timeIntervalSince1970) - startedUnixSeconds))
    }
}
