import BlockDevice
import FoundationEssentials
import Glibc
import Hypervisor
import MessageBus
import Messages
import Replica
import Testing

@testable import HostAgent

/// Guests that are started from replicas, over real sockets and real views, on guests in memory.
@Suite(.serialized, .enabled(if: ViewPluginForTests.isThere, ViewPluginForTests.reason))
struct AgentStartedReplicaTests {
    // MARK: Test

    @Test func aTestRunsBesideReplicationAndLeavesNoTrace() async throws {
        try await withBothAgents { _, source, target in
            let held = try await source.cycle(1, .full, parent: 0, to: target)
            try await source.cycle(2, .incremental, parent: 1, to: target)
            let journal = try target.journal()
            let started = try await target.startReplica(1, .test, generation: 1)
            #expect(started.guestUuid != target.guest && started.cycle == 1 && started.runningUnixMs > 0)
            #expect(target.hypervisor.contents(of: started.guestUuid, "vda").contents == held)
            #expect(target.hypervisor.checkpoints(of: started.guestUuid).isEmpty)
            // Asked again it is the same one, and another point is refused.
            #expect(try await target.startReplica(1, .test, generation: 1) == started)
            #expect(await refusal { try await target.startReplica(2, .test, generation: 1) } == .conflict)
            #expect(try await target.describeSide().test == started)
            #expect(try target.journal() == journal)
            // Replication goes on.
            try await source.cycle(3, .incremental, parent: 2, to: target)
            #expect(await refusal { try await target.deleteReplica(generation: 1) } == .failedPrecondition)
            try await target.stopReplica(.test, generation: 1)
            try await target.stopReplica(.test, generation: 1)
            #expect(!target.hypervisor.isDefined(started.guestUuid))
            #expect(!target.exists("test") && target.views().isEmpty)
            #expect(try await !target.describeSide().hasTest)
            #expect(try await target.describe().generation == 1)
        }
    }

    /// Whichever generation was seen, a test raises none.
    @Test func aTestTakesTheCurrentGenerationAndRaisesNone() async throws {
        try await withBothAgents { _, source, target in
            try await source.cycle(1, .full, parent: 0, to: target)
            _ = try await target.startReplica(1, .test, generation: 7)
            #expect(try await target.describe().generation == 1)
            try await target.stopReplica(.test, generation: 7)
            #expect(await refusal { try await target.startReplica(1, .test, generation: 0) } == .invalidArgument)
        }
    }

    // MARK: Failover

    @Test func aGuestIsStartedFromAPointAndTrackedFromItsFirstWrite() async throws {
        try await withBothAgents { sites, source, target in
            let held = try await source.cycle(1, .full, parent: 0, to: target)
            try await source.cycle(2, .incremental, parent: 1, to: target)
            try await target.setSide(active: true, generation: 2)
            let started = try await target.startReplica(1, .failover, generation: 2)
            #expect(started.guestUuid == target.guest && started.cycle == 1)
            #expect(target.hypervisor.contents(of: target.guest, "vda").contents == held)
            #expect(target.hypervisor.checkpoints(of: target.guest).count == 1)
            let replica = try await target.describe()
            #expect(replica.generation == 2 && replica.runningCycle == 1)
            let side = try await target.describeSide()
            #expect(side.failover == started && side.active && side.generation == 2 && side.hasReplica_p)
            // Nobody replicates to it, and nobody takes it away.
            let capture = try await source.capture(3, .incremental, parent: 2, generation: 2)
            #expect(
                await refusal { try await target.openCycle(capture, .incremental, parent: 2, generation: 2) } != nil)
            #expect(await refusal { try await target.deleteReplica(generation: 2) } == .failedPrecondition)
            #expect(await refusal { try await target.releaseSource(generation: 2) } == .failedPrecondition)
            #expect(await refusal { try await target.stopReplica(.failover, generation: 1) } == .staleGeneration)
            try await poll("the vault is told") {
                sites.target.vault.heard.reports.last?.sides.contains {
                    $0.generation == 2 && $0.active && $0.cycle == 1
                }
                    == true
            }
            // Its changes go back as an ordinary cycle upon the point.
            target.hypervisor.write(randomBytes(100_000), to: target.guest, "vda", at: 0)
            let back = try await target.capture(3, .incremental, parent: 1, generation: 2)
            #expect(back.disks[0].changed.reduce(0, +) < AgentHarness.diskBytes)
            try await target.close(3, committed: false, keep: 1, generation: 2)
            // Change of point.
            try await target.stopReplica(.failover, generation: 2)
            #expect(!target.hypervisor.isDefined(target.guest) && target.views().isEmpty && !target.exists("failover"))
            #expect(try await target.describe().runningCycle == 0)
            #expect(try await target.startReplica(2, .failover, generation: 2).cycle == 2)
            try await target.stopReplica(.failover, generation: 2)
        }
    }

    @Test func whatCannotBeStartedIsRefusedAndLeavesNothing() async throws {
        try await withBothAgents { _, source, target in
            #expect(await refusal { try await target.startReplica(1, .failover, generation: 2) } == .notFound)
            try await source.cycle(1, .full, parent: 0, to: target)
            #expect(await refusal { try await target.startReplica(9, .failover, generation: 2) } == .notFound)
            #expect(await refusal { try await target.startReplica(9, .test, generation: 2) } == .notFound)
            #expect(await refusal { try await target.startReplica(0, .test, generation: 2) } == .invalidArgument)
            target.hypervisor.setMemoryFree(1 << 20)
            #expect(await refusal { try await target.startReplica(1, .failover, generation: 2) } == .failedPrecondition)
            #expect(try await target.describe().runningCycle == 0)
            #expect(target.views().isEmpty && !target.exists("failover"))
            target.hypervisor.setMemoryFree(8 << 30)
            try await target.setSide(active: false, generation: 3)
            #expect(await refusal { try await target.startReplica(1, .failover, generation: 3) } == .failedPrecondition)
            #expect(await refusal { try await target.startReplica(1, .failover, generation: 2) } == .staleGeneration)
            #expect(await refusal { try await target.commitReplica(generation: 3) } == .failedPrecondition)
            #expect(await refusal { try await target.prepareReplica(generation: 3) } == .failedPrecondition)
            // A newer generation is a newer failover.
            #expect(try await target.startReplica(1, .failover, generation: 4).cycle == 1)
            #expect(try await target.describeSide().active)
            try await target.stopReplica(.failover, generation: 4)
        }
    }

    // MARK: Views

    @Test func aViewOutlivesTheAgentAndIsStartedAgainWhenItEnds() async throws {
        try await withTwoSites { sites in
            var before: Int32 = 0
            try await sites.run(ending: .asAfterACrash) { source, target in
                try await source.cycle(1, .full, parent: 0, to: target)
                _ = try await target.startReplica(1, .failover, generation: 2)
                before = try #require(target.views().first)
            }
            try await sites.runTarget { target in
                #expect(target.views() == [before])
                #expect(try await target.describeSide().failover.cycle == 1)
                kill(before, SIGKILL)
                try await poll("another process serves") {
                    let now = target.views()
                    return now.count == 1 && now != [before]
                }
                try await target.stopReplica(.failover, generation: 2)
                #expect(target.views().isEmpty)
            }
        }
    }

    // MARK: Commit

    @Test func aCommittedGuestLeavesItsViewAtItsNextColdStart() async throws {
        try await withBothAgents { _, source, target in
            let held = try await source.cycle(1, .full, parent: 0, to: target)
            try await source.cycle(2, .incremental, parent: 1, to: target)
            _ = try await target.startReplica(1, .failover, generation: 2)
            try await poll("the commit ends") { try await target.commitReplica(generation: 2).finished }
            #expect(try await target.commitReplica(generation: 2).finished)
            #expect(try await target.points().map(\.cycle) == [1])
            #expect(try target.contents(of: 1) == held)
            #expect(!target.hypervisor.isOnBase(target.guest) && target.views().count == 1)
            #expect(await refusal { try await target.stopReplica(.failover, generation: 2) } == .failedPrecondition)
            _ = try await target.stopGuest(generation: 2)
            try await poll("the view ends") { target.views().isEmpty }
            #expect(target.hypervisor.isOnBase(target.guest))
            try await target.startGuest(generation: 2)
            #expect(try await target.describeSide().failover.cycle == 1)
        }
    }

    @Test func aGuestThatWasFoundOffAtStartLeavesItsViewToo() async throws {
        try await withTwoSites { sites in
            try await sites.run(ending: .asAfterACrash) { source, target in
                try await source.cycle(1, .full, parent: 0, to: target)
                _ = try await target.startReplica(1, .failover, generation: 2)
                try await poll("the commit ends") { try await target.commitReplica(generation: 2).finished }
            }
            try await sites.target.hypervisor.destroy(guest: sites.target.guest)
            try await sites.runTarget { target in
                try await poll("the view ends") { target.views().isEmpty }
                #expect(target.hypervisor.isOnBase(target.guest))
            }
        }
    }

    // MARK: A commit that could not begin

    /// A view of a later point keeps the commit from beginning; whoever hears of that may give up.
    @Test(arguments: [AgentSite.Ending.inOrder, .asAfterACrash])
    func aCommitThatCouldNotBeginLeavesTheChoiceOpen(ending: AgentSite.Ending) async throws {
        try await withTwoSites { sites in
            try await sites.run(ending: ending) { source, target in
                _ = try await refuseCommit(source, target)
                if case .asAfterACrash = ending { return }
                try await target.stopReplica(.failover, generation: 2)
                #expect(try await target.startReplica(2, .failover, generation: 2).cycle == 2)
                try await target.stopReplica(.failover, generation: 2)
            }
            try await sites.runTarget { target in
                try await target.stopReplica(.failover, generation: 2)
                #expect(try await target.points().map(\.cycle) == [1, 2])
            }
        }
    }

    @Test func aCommitThatCouldNotBeginIsBegunAnewWhenItIsAskedFor() async throws {
        try await withBothAgents { _, source, target in
            let view = try await refuseCommit(source, target)
            #expect(await pollCommit(target) == .failedPrecondition)
            var close = CloseView()
            close.view = view.view
            _ = try await target.send(.closeView(close))
            try await poll("the commit ends") { try await target.commitReplica(generation: 2).finished }
            #expect(try await target.points().map(\.cycle) == [1])
        }
    }

    /// Up to where the commit of point 1 was refused, because of the view of point 2 that is answered.
    private func refuseCommit(_ source: AgentHarness, _ target: AgentHarness) async throws -> ViewOpened {
        try await source.cycle(1, .full, parent: 0, to: target)
        try await source.cycle(2, .incremental, parent: 1, to: target)
        _ = try await target.startReplica(1, .failover, generation: 2)
        var request = OpenView()
        request.protection = target.protection
        request.cycle = 2
        guard case .viewOpened(let view) = try await target.send(.openView(request)) else {
            throw AgentHarness.Unexpected()
        }
        #expect(await pollCommit(target) == .failedPrecondition)
        return view
    }

    /// What the commit is refused with; nil: it ended.
    private func pollCommit(_ target: AgentHarness) async -> ErrorCode? {
        await refusal {
            try await poll("the commit ends") { try await target.commitReplica(generation: 2).finished }
        }
    }
}
