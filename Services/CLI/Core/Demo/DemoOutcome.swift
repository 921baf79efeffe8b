/// What one act of the demo showed, as a row of the closing table.
package struct DemoOutcome: Sendable, Equatable, Codable {
    package var act: String
    package var rpoMilliseconds: Int64?
    package var rtoMilliseconds: Int64?
    /// Sent between the sites for it; nil: nothing had to be.
    package var sentBytes: UInt64?
    /// The newest record that had to be there afterwards.
    package var recordsExpected: UInt64
    /// The newest record that was there, after everything up to it was found whole and in order.
    package var recordsFound: UInt64
    /// Written after the point that was used: what the RPO stands for; nil where the source was shut down first.
    package var recordsAfterPoint: UInt64?
    package var faults: [String] = []

    package var recordsLost: UInt64 { recordsExpected > recordsFound ? recordsExpected - recordsFound : 0 }
    package var succeeded: Bool { recordsLost == 0 && recordsFound > 0 && faults.isEmpty }

    package static func table(of outcomes: [DemoOutcome]) -> Table {
        var table = Table([
            .init("ACT", minimum: 12), .init("RPO", .right), .init("RTO", .right), .init("SENT", .right, rank: 1),
            .init("RECORDS LOST", minimum: 16),
        ])
        for outcome in outcomes {
            table.add([
                .init(outcome.act), .init(outcome.rpoMilliseconds.map(HumanUnits.duration(milliseconds:)) ?? "–"),
                .init(outcome.rtoMilliseconds.map(HumanUnits.duration(milliseconds:)) ?? "–"),
                .init(outcome.sentBytes.map(HumanUnits.bytes) ?? "–"),
                .init(outcome.recordsSentence, outcome.succeeded ? .good : .bad),
            ])
        }
        return table
    }

    private var recordsSentence: String {
        guard faults.isEmpty else { return "\(faults.count) faults: \(faults[0])" }
        let lost = "\(HumanUnits.count(recordsLost)) of \(HumanUnits.count(recordsExpected))"
        guard let recordsAfterPoint else { return lost }
        return "\(lost) up to the point; \(HumanUnits.count(recordsAfterPoint)) written after it"
    }
}
