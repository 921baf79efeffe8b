import Testing

@testable import OperatorCLI

@Suite struct DemoTests {
    private static let hash = String(repeating: "0123456789abcdef", count: 4)

    @Test func theWitnessIsUnderstood() throws {
        let answer = try WitnessAnswer("17 vda \(Self.hash)\n17 VDB \(Self.hash.uppercased())\n")
        #expect(answer == WitnessAnswer(cycle: 17, hashes: ["vda": Self.hash, "vdb": Self.hash]))
    }

    @Test(arguments: ["", "17 vda", "17 vda xyz", "x vda \(hash)", "17 vda \(hash)\n18 vdb \(hash)"])
    func aWitnessThatSaysSomethingElseProvesNothing(text: String) {
        #expect(throws: OperatorError.self) { try WitnessAnswer(text) }
    }

    @Test func agesAreRankedNotAveraged() {
        var objective = RecoveryPointObjective()
        #expect(objective.medianMilliseconds == nil)
        for age in [900, 100, 500, 300, 5_000] { objective.note(ageMilliseconds: Int64(age)) }
        #expect(objective.medianMilliseconds == 500)
        #expect(objective.percentile(99) == 5_000)
        #expect(objective.percentile(20) == 100)
        #expect(objective.largestMilliseconds == 5_000)
        #expect(objective.samples == 5)
    }

    private func report(served: String = hash, alone: String = hash, faults: [String] = []) -> DemoReport {
        DemoReport(
            seeding: Samples.cycle(1), cycles: [Samples.cycle(2), Samples.cycle(3)],
            objective: RecoveryPointObjective(), points: 3, journalBytes: 5 << 20,
            proof: .init(
                point: 3, witnessed: ["vda": Self.hash], served: ["vda": served], alone: ["vda": alone],
                newestRecord: 1_234, faults: faults), seconds: 60)
    }

    @Test func theDemoSucceedsOnlyWhenAllThreeHashesAgreeAndNoRecordIsAtFault() {
        let other = String(Self.hash.reversed())
        #expect(report().succeeded)
        #expect(!report(served: other).succeeded)
        #expect(!report(alone: other).succeeded)
        #expect(!report(faults: ["record 5 is torn"]).succeeded)
        var nothing = report()
        nothing.proof.witnessed = [:]
        nothing.proof.served = [:]
        nothing.proof.alone = [:]
        #expect(!nothing.succeeded)
    }

    @Test func whereTheStoryGoesOnTwoHashesHaveToAgree() {
        var going = report()
        going.proof.alone = nil
        #expect(going.succeeded)
        going.proof.served = ["vda": "x"]
        #expect(!going.succeeded)
    }

    @Test(arguments: [
        ("replication", [DemoAct.replication]), ("disaster, replication", [.replication, .disaster]),
        ("failback,test,planned,replication", [.replication, .test, .planned, .failback]),
    ])
    func actsArePlayedInTheOrderOfTheStory(text: String, acts: [DemoAct]) throws {
        #expect(try DemoAct.list(text) == acts)
    }

    @Test(arguments: ["", "test", "replication,encore", "replication,failback", "replication,planned,disaster"])
    func actsThatHaveNothingToBeginWithAreRefused(text: String) {
        let error = #expect(throws: OperatorError.self) { try DemoAct.list(text) }
        #expect(error?.code == .usage)
    }

    @Test func recordsThatAreMissingOrAtFaultFailTheDemo() {
        let whole = DemoOutcome(act: "planned failover", recordsExpected: 12_000, recordsFound: 12_000)
        var short = whole
        short.recordsFound = 11_990
        var torn = whole
        torn.faults = ["record 5 is torn"]
        var empty = whole
        empty.recordsExpected = 0
        empty.recordsFound = 0
        for (outcome, succeeded) in [(whole, true), (short, false), (torn, false), (empty, false)] {
            var going = report()
            going.outcomes = [outcome]
            #expect(going.succeeded == succeeded)
        }
        var disaster = whole
        disaster.act = "disaster"
        disaster.rpoMilliseconds = 850
        disaster.rtoMilliseconds = 1_200
        disaster.recordsAfterPoint = 170
        #expect(
            DemoOutcome.table(of: [short, disaster]).lines(width: nil, styled: false) == [
                "ACT                  RPO    RTO  SENT  RECORDS LOST",
                "planned failover       –      –     –  10 of 12,000",
                "disaster          850 ms  1.2 s     –  0 of 12,000 up to the point; 170 written after it",
            ])
    }

    @Test func theClosingTableSaysWhatWasSeen() {
        let lines = report().table.lines(width: nil, styled: false)
        #expect(lines.contains("deltas             2 cycles, 6.0 MiB changed, 2.0 MiB sent"))
        #expect(
            lines.contains {
                $0.hasPrefix("proof              point 3: identical to what the disks held then (vda 0123")
            })
        #expect(lines.contains { $0.hasPrefix("records            up to number 1,234") })
        #expect(
            report(served: "x").table.lines(width: nil, styled: false).contains {
                $0.contains("DIFFERS from what the disks held")
            })
    }
}
