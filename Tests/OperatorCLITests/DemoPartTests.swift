import Foundation
import Testing

@testable import OperatorCLI

@Suite struct DemoPartTests {
    @Test func partsHaveNamesAndOthersAreRefusedWithTheList() throws {
        #expect(try DemoPart.named("planned") == .planned)
        let error = try #require(throws: OperatorError.self) { try DemoPart.named("intermission") }
        #expect(error.remedy.contains("closing"))
    }

    @Test func aStoryIsReadAsItWasWritten() throws {
        let path = "\(NSTemporaryDirectory())story-\(UUID().uuidString).json"
        defer { unlink(path) }
        var story = DemoStory.begin()
        let missing = try #require(throws: OperatorError.self) { try story.report() }
        #expect(missing.remedy.contains("replication"))
        story.replication = DemoStory.Replication(
            seeding: Samples.cycle(1), objective: RecoveryPointObjective(),
            proof: .init(
                point: 3, witnessed: ["vda": "a"], served: ["vda": "a"], alone: nil, newestRecord: 7, faults: []),
            cycles: [Samples.cycle(2)], points: 2, journalBytes: 512)
        story.outcomes = [
            DemoOutcome(act: "disaster", rpoMilliseconds: 5, recordsExpected: 9, recordsFound: 9, recordsAfterPoint: 1)
        ]
        try story.write(path)
        let report = try DemoStory.read(path).report()
        #expect(report.outcomes == story.outcomes)
        #expect(report.proof.newestRecord == 7)
        #expect(report.succeeded)
    }

    @Test func theGuestOfTheImageIsDefinedByThePathsOfTheContainer() {
        let definition = InstalledGround.definition
        for path in ["kernel", "initramfs.cpio", "vda.qcow2", "vdb.qcow2", "console.log", "control"] {
            #expect(definition.contains("/var/lib/guests/demo/\(path)"))
        }
    }
}
