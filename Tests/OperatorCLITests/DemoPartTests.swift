import Foundation
import MessageBus
import Messages
import Synchronization
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

    /// Protected anew, as a scenario does between others that rely on its fencing.
    @Test func protectingAnewLeavesWhatElseThePairSays() async throws {
        let put = Mutex<[CloudPair]>([])
        try await ScriptedServices.run(
            vault: { request in
                switch request {
                case .getSnapshot:
                    var snapshot = WireSamples.snapshot()
                    snapshot.pairs = put.withLock { $0.last.map { [$0] } } ?? []
                    return .snapshot(snapshot)
                case .pairClouds(let order):
                    put.withLock { $0.append(order.pair) }
                    return .done(Done())
                case .protect: return .protection(WireSamples.protection(state: .enabling))
                default: throw ScriptedServices.unexpected
                }
            },
            policy: { request in
                guard case .putPolicy(let order) = request else { throw ScriptedServices.unexpected }
                return .policy(order.policy)
            }
        ) { services in
            let session = OperatorSession(
                console: RecordingConsole(),
                settings: OperatorSettings(layers: [
                    OperatorSettings.Layer(
                        name: "test", values: [.vault: services.vault.endpoint, .policy: services.policy.endpoint])
                ]), json: false, deadline: .seconds(5), bus: services.bus)
            let demo = try await DemoServices(stage: InstalledGround(), session: session)
            _ = try await demo.protect()
            let first = try #require(put.withLock { $0.last })
            #expect(first.sourceCloud == "cloud-a" && first.targetCloud == "cloud-b" && first.policy == "demo")
            #expect(await services.bascule("pair", "cloud-a", "cloud-b", "--fence", "shut-down") == .ok)
            _ = try await demo.protect()
            let last = try #require(put.withLock { $0.last })
            #expect(last.fenceAction == .shutDown && last.policy == "demo")
            #expect(put.withLock { $0.count } == 3)
        }
    }

    @Test func theGuestOfTheImageIsDefinedByThePathsOfTheContainer() {
        let definition = InstalledGround.definition
        for path in ["kernel", "initramfs.cpio", "vda.qcow2", "vdb.qcow2", "console.log", "control"] {
            #expect(definition.contains("/var/lib/guests/demo/\(path)"))
        }
    }

    @Test func theNeighbourIsDefinedByPathsOfItsOwnAndHasATPM() {
        let definition = NeighbourGuest.definition
        for path in ["kernel", "initramfs.cpio", "vda.qcow2", "console.log", "control"] {
            #expect(definition.contains("/var/lib/guests/neighbour/\(path)"))
        }
        #expect(definition.contains("<backend type='emulator' version='2.0'/></tpm>\n  </devices>"))
        #expect(definition.contains("bascule.rate=5"))
        #expect(!definition.contains("/var/lib/guests/demo/"))
        let uuid = { (text: String) in text.split(separator: "\n").first { $0.contains("<uuid>") } }
        #expect(uuid(definition) != nil && uuid(definition) != uuid(InstalledGround.definition))
        #expect(NeighbourGuest.disks == "vda 32M\n")
    }
}
