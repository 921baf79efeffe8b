/// What `demo --json` answers: the closing tables, for machines.
package struct DemoDocument: Sendable, Equatable, Encodable {
    /// How old the newest point was while points were made.
    package struct Age: Sendable, Equatable, Encodable {
        package var medianMilliseconds: Int64?
        package var largestMilliseconds: Int64?
        package var samples: Int
    }

    package var succeeded: Bool
    package var seconds: Int
    package var seeding: CycleRecord
    package var cycles: [CycleRecord]
    package var points: Int
    package var journalBytes: UInt64
    package var newestPointAge: Age
    package var proof: DemoReport.Proof
    package var acts: [DemoOutcome]
    /// What is still there after everything was taken down; nothing, when all went well.
    package var leftBehind: [String]
    /// Folder of the run's settings and logs; nil: it was removed.
    package var files: String?

    package init(_ report: DemoReport, leftBehind: [String], files: String?) {
        succeeded = report.succeeded && leftBehind.isEmpty
        seconds = report.seconds
        seeding = report.seeding
        cycles = report.cycles
        points = report.points
        journalBytes = report.journalBytes
        newestPointAge = Age(
            medianMilliseconds: report.objective.medianMilliseconds,
            largestMilliseconds: report.objective.largestMilliseconds, samples: report.objective.samples)
        proof = report.proof
        acts = report.outcomes
        self.leftBehind = leftBehind
        self.files = files
    }
}
