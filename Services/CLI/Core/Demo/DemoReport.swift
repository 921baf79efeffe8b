/// What the demo shows at its end, from what it measured.
package struct DemoReport: Sendable, Equatable {
    package struct Proof: Sendable, Equatable, Codable {
        package var point: UInt64
        /// What the witness hashed at the capture instant.
        package var witnessed: [String: String]
        /// What the point held when read back through the target's agent.
        package var served: [String: String]
        /// What it held when read from the replica directory with every service stopped; nil when the story went on.
        package var alone: [String: String]?
        package var newestRecord: UInt64
        package var faults: [String]

        package var isIdentical: Bool { !witnessed.isEmpty && witnessed == served && witnessed == alone ?? witnessed }
    }

    package var seeding: CycleRecord
    package var cycles: [CycleRecord]
    package var objective: RecoveryPointObjective
    package var points: Int
    package var journalBytes: UInt64
    package var proof: Proof
    /// Of the acts after replication.
    package var outcomes: [DemoOutcome] = []
    package var seconds: Int

    package var succeeded: Bool { proof.isIdentical && proof.faults.isEmpty && outcomes.allSatisfy(\.succeeded) }

    package var table: Table {
        var table = Table([.init("WHAT", minimum: 12), .init("SEEN", minimum: 20)])
        let seedingMilliseconds = max(1, UInt64(seeding.durationMilliseconds))
        table.add([
            "seeding",
            .init(
                "\(HumanUnits.bytes(seeding.changedBytes)) read, \(HumanUnits.bytes(seeding.sentBytes)) sent and sealed, "
                    + "in \(HumanUnits.duration(milliseconds: Int64(seedingMilliseconds))) "
                    + "(\(HumanUnits.rate(seeding.changedBytes * 1_000 / seedingMilliseconds)))"),
        ])
        table.add(["recovery points", .init("\(points) in the journal, \(HumanUnits.bytes(journalBytes)) on disk")])
        let median = objective.medianMilliseconds.map(HumanUnits.duration(milliseconds:)) ?? "–"
        let largest = objective.largestMilliseconds.map(HumanUnits.duration(milliseconds:)) ?? "–"
        table.add(["age of the newest", .init("median \(median), largest \(largest) (\(objective.samples) samples)")])
        let changed = cycles.reduce(0) { $0 + $1.changedBytes }
        let sent = cycles.reduce(0) { $0 + $1.sentBytes }
        table.add([
            "deltas",
            .init("\(cycles.count) cycles, \(HumanUnits.bytes(changed)) changed, \(HumanUnits.bytes(sent)) sent"),
        ])
        table.add(proofRow)
        table.add(recordsRow)
        return table
    }

    private var proofRow: [Table.Cell] {
        guard proof.isIdentical else {
            return [.init("proof", .bad), .init("point \(proof.point) DIFFERS from what the disks held", .bad)]
        }
        let hashes = proof.witnessed.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value.prefix(8))…" }
        return [
            "proof",
            .init(
                "point \(proof.point): identical to what the disks held then (\(hashes.joined(separator: ", ")))",
                .good),
        ]
    }

    private var recordsRow: [Table.Cell] {
        guard proof.faults.isEmpty else {
            return [.init("records", .bad), .init("\(proof.faults.count) faults: \(proof.faults[0])", .bad)]
        }
        let newest = HumanUnits.count(proof.newestRecord)
        return [
            "records", .init("up to number \(newest), over both disks, in order, none missing, none torn", .good),
        ]
    }
}
