import BlockDevice
import FoundationEssentials
import Hypervisor
import Messages
import Testing

@testable import HostAgent

/// A guest that was started from a replica, and whose record nobody can read any more.
@Suite(.serialized, .enabled(if: ViewPluginForTests.isThere, ViewPluginForTests.reason))
struct AgentLostRecordTests {
    @Test func aRecordThatCannotBeReadSaysWhereItIsAndWhatToDo() async throws {
        try await withStarted { sites, record in
            try Data("{".utf8).write(to: URL(filePath: record))
            try await sites.runTarget { target in
                let error = await #expect(throws: RemoteError.self) {
                    try await target.stopReplica(.failover, generation: 2)
                }
                #expect(error?.message.contains(record) == true && error?.remedy.contains("restart the agent") == true)
                #expect(error?.remedy.contains("database") == false)
                #expect(try await target.power() == .running)
                try await target.hypervisor.destroy(guest: target.guest)
            }
            // As the remedy says: then the guest is off, and can be stopped.
            try FileManager.default.removeItem(atPath: record)
            try await sites.runTarget { try await expectStopped($0) }
        }
    }

    /// Taken for nothing it would run on while the other side is started, and a start would take its writes.
    @Test func aGuestWithoutItsRecordIsNeitherTakenForNothingNorThrownAway() async throws {
        try await withStarted { sites, record in
            try FileManager.default.removeItem(atPath: record)
            try await sites.runTarget { target in
                target.hypervisor.write(randomBytes(10_000), to: target.guest, "vda", at: 0)
                let written = target.hypervisor.contents(of: target.guest, "vda").contents
                #expect(
                    await refusal { try await target.stopReplica(.failover, generation: 2) } == .failedPrecondition)
                #expect(
                    await refusal { try await target.startReplica(2, .failover, generation: 2) } == .failedPrecondition)
                #expect(try await target.startReplica(1, .failover, generation: 2).cycle == 1)
                #expect(target.hypervisor.contents(of: target.guest, "vda").contents == written)
                try await expectStopped(target)
            }
        }
    }

    /// Runs `body` after a guest was started from point 1, between two agents.
    private func withStarted(_ body: (_ sites: TwoSites, _ record: String) async throws -> Void) async throws {
        try await withTwoSites { sites in
            try await sites.run(ending: .asAfterACrash) { source, target in
                try await source.cycle(1, .full, parent: 0, to: target)
                try await source.cycle(2, .incremental, parent: 1, to: target)
                _ = try await target.startReplica(1, .failover, generation: 2)
            }
            try await body(sites, "\(sites.target.settings.replicas)/\(sites.target.protection)/failover/state")
        }
    }

    private func expectStopped(_ target: AgentHarness) async throws {
        try await target.stopReplica(.failover, generation: 2)
        #expect(!target.hypervisor.isDefined(target.guest) && target.views().isEmpty && !target.exists("failover"))
        #expect(try await target.describe().runningCycle == 0)
    }
}
