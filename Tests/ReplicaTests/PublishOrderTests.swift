import DeltaLog
import FoundationEssentials
import Testing

@testable import Replica

/// Publish last: whatever is referred to is on stable storage before what refers to it is, and what it replaces goes
/// after that. The order of Layout.md, "Writing", step by step.
@Suite struct PublishOrderTests {
    /// A replica with five points.
    private func prepared() throws -> ReplicaFixture {
        let fixture = try ReplicaFixture()
        try CrashScenario.prepare(fixture)
        return fixture
    }

    private static let manifest = [
        "write manifest.new", "sync manifest.new", "rename manifest.new → manifest", "sync .",
    ]

    private func log(_ cycle: UInt64) -> String { ReplicaLayout.logName(cycle) }

    @Test func aReplicaIsMadeByItsManifest() throws {
        let parent = ReplicaFixture.uniqueParent()
        try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: false)
        let steps = try StepRecorder.record(below: parent + "/replica") {
            try Replica.create(directory: parent + "/replica", identity: ReplicaFixture.identity, generation: 1).close()
        }
        let expected: [String] = ["sync .", "write key", "sync key"] + Self.manifest + ["sync \(parent)"]
        #expect(steps == expected)
        try FileManager.default.removeItem(atPath: parent)
    }

    @Test func aPointExistsOnceItsLogAndItsNameAreDurable() throws {
        let fixture = try prepared()
        CrashScenario.writeMore(fixture)
        let open = try fixture.replica.openCycle(fixture.opening(6, kind: .incremental))
        try fixture.send(open, kind: .incremental)
        let steps = try StepRecorder.record(below: fixture.directory) {
            _ = try fixture.replica.commit(cycle: 6, generation: 1, attempts: [1, 3])
        }
        fixture.noteCommitted(6)
        let draft = "incoming/\(log(6))"
        // Records and index, then the trailer.
        let expected: [String] = [
            "write \(draft)", "sync \(draft)", "write \(draft)", "sync \(draft)",
            "rename \(draft) → journal/\(log(6))", "sync journal",
        ]
        #expect(steps == expected)
    }

    @Test func aManifestIsReplacedByAWholeOne() throws {
        let fixture = try prepared()
        let steps = try StepRecorder.record(below: fixture.directory) { try fixture.replica.admit(generation: 2) }
        #expect(steps == Self.manifest)
    }

    @Test func runningIsDurableWhenItIsAnswered() throws {
        let fixture = try prepared()
        let marked = try StepRecorder.record(below: fixture.directory) { try fixture.replica.markRunning(from: 3) }
        #expect(marked == Self.manifest)
        let unmarked = try StepRecorder.record(below: fixture.directory) { try fixture.replica.stopRunning() }
        #expect(unmarked == Self.manifest)
    }

    @Test func aMarkIsDurableWhenItIsAnswered() throws {
        let fixture = try prepared()
        let steps = try StepRecorder.record(below: fixture.directory) {
            try fixture.replica.markVerified(3, by: .guestAgent, unixMilliseconds: 1)
        }
        #expect(
            steps == ["write verified.new", "sync verified.new", "rename verified.new → verified", "sync ."])
    }

    @Test func theBaseIsDurableBeforeTheManifestSaysSoAndLogsGoAfterThat() throws {
        let fixture = try prepared()
        let steps = try StepRecorder.record(below: fixture.directory) { try fixture.replica.fold(upTo: 3) }
        let base = ["write base/vda", "sync base/vda", "write base/vdb", "sync base/vdb", "sync base"]
        let logs: [String] = ([3, 2, 1] as [UInt64]).map { "remove journal/\(log($0))" }
        let expected: [String] = Self.manifest + base + Self.manifest + ["remove divergence"] + logs
        #expect(steps == expected)
    }

    @Test func aMergedLogIsDurableBeforeThoseThatItReplacesGo() throws {
        let fixture = try prepared()
        let steps = try StepRecorder.record(below: fixture.directory) { try fixture.replica.merge([2, 3, 4]) }
        let draft = "incoming/merge-\(log(4))"
        let expected: [String] = [
            "remove \(draft)", "write \(draft)", "sync \(draft)", "write \(draft)", "sync \(draft)",
            "rename \(draft) → journal/\(log(4))", "sync journal", "remove journal/\(log(3))",
            "remove journal/\(log(2))",
        ]
        #expect(steps == expected)
    }

    @Test func whatIsDroppedIsGoneForGoodBeforeTheBaseChanges() throws {
        let fixture = try prepared()
        let steps = try StepRecorder.record(below: fixture.directory) { try fixture.replica.settle(on: 3) }
        let dropped: [String] = ["remove journal/\(log(5))", "remove journal/\(log(4))", "sync journal"]
        let first: [String] = Self.manifest + dropped
        let last: [String] = ["sync journal"] + Self.manifest
        #expect(Array(steps.prefix(first.count)) == first)
        #expect(Array(steps.suffix(last.count)) == last)
    }

    @Test func aDeletionBeginsWithADurableName() throws {
        let fixture = try prepared()
        let steps = try StepRecorder.record(below: fixture.parent) { try fixture.replica.delete() }
        #expect(Array(steps.prefix(2)) == ["rename replica → replica.deleted", "sync ."])
        #expect(steps.dropFirst(2).allSatisfy { $0.hasPrefix("remove replica.deleted/") } && steps.count > 2)
    }

    /// What is listed from a start on must be durable, whatever the last owner was cut off at.
    @Test func openingMakesDurableWhatItLists() throws {
        let fixture = try prepared()
        fixture.replica.close()
        let steps = try StepRecorder.record(below: fixture.directory) { try fixture.reopen() }
        #expect(steps.filter { $0.hasPrefix("sync") } == ["sync .", "sync journal", "sync ."])
    }
}
