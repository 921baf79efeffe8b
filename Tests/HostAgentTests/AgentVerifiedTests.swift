import FoundationEssentials
import Hypervisor
import MessageBus
import Messages
import Replica
import Testing

@testable import HostAgent

/// Points whose guests answered, over real sockets and real views, on guests in memory.
@Suite(.serialized, .enabled(if: ViewPluginForTests.isThere, ViewPluginForTests.reason))
struct AgentVerifiedTests {
    /// Cycles of the points that are verified, and by whom.
    private func verified(_ target: AgentHarness) async throws -> [UInt64: VerifiedBy] {
        Dictionary(
            uniqueKeysWithValues: try await target.points().filter(\.verified).map { ($0.cycle, $0.verifiedBy) })
    }

    private func marked(_ cycle: UInt64, by witness: VerifiedBy, _ target: AgentHarness) async throws {
        try await poll("point \(cycle) is marked") { try await verified(target)[cycle] == witness }
    }

    private func twoPoints(_ source: AgentHarness, _ target: AgentHarness) async throws {
        try await source.cycle(1, .full, parent: 0, to: target)
        try await source.cycle(2, .incremental, parent: 1, to: target)
    }

    /// The guest was asked once more after this was called, and what came of it was noted before the next question.
    private func waitForAQuestion(_ target: AgentHarness, of guest: String) async throws {
        for _ in 1...2 {
            let before = target.hypervisor.calls(of: .guestAgentAnswers)
            target.hypervisor.setGuestAgent(false, of: guest)
            try await poll("the guest is asked") { target.hypervisor.calls(of: .guestAgentAnswers) > before }
        }
    }

    // MARK: The guest agent's word

    @Test func aTestGuestWhoseAgentConnectsMarksItsPoint() async throws {
        try await withBothAgents { _, source, target in
            try await twoPoints(source, target)
            let started = try await target.startReplica(1, .test, generation: 1)
            #expect(!started.verified)
            try await waitForAQuestion(target, of: started.guestUuid)
            #expect(try await verified(target).isEmpty)
            #expect(try await !target.describeSide().test.verified)
            let before = Int64(Date().timeIntervalSince1970 * 1_000)
            target.hypervisor.setGuestAgent(true, of: started.guestUuid)
            try await marked(1, by: .guestAgent, target)
            let point = try #require(try await target.points().first)
            #expect(point.verifiedUnixMs >= before)
            #expect(try await target.describeSide().test.verified)
            // The mark stays when the test is over, and it is not asked for what it said.
            try await target.stopReplica(.test, generation: 1)
            #expect(try await verified(target) == [1: .guestAgent])
        }
    }

    @Test func anAgentThatWasThereBeforeAnybodyLookedCountsToo() async throws {
        try await withBothAgents { _, source, target in
            try await twoPoints(source, target)
            target.hypervisor.setReplicasAnswer(true)
            _ = try await target.startReplica(2, .test, generation: 1)
            try await marked(2, by: .guestAgent, target)
            #expect(try await verified(target) == [2: .guestAgent])
        }
    }

    @Test func aFailoverWhoseCommitIsPendingMarksItsPoint() async throws {
        try await withBothAgents { _, source, target in
            try await twoPoints(source, target)
            target.hypervisor.setReplicasAnswer(true)
            _ = try await target.startReplica(1, .failover, generation: 2)
            try await marked(1, by: .guestAgent, target)
            #expect(try await target.describeSide().failover.verified)
            try await poll("the commit ends") { try await target.commitReplica(generation: 2).finished }
            #expect(try await verified(target) == [1: .guestAgent])
        }
    }

    @Test func whoNeverAnswersMarksNothing() async throws {
        try await withBothAgents { _, source, target in
            try await twoPoints(source, target)
            let started = try await target.startReplica(1, .test, generation: 1)
            // Asking may fail, too.
            target.hypervisor.fail(
                .guestAgentAnswers, with: HypervisorError(.operationFailed, "Nobody is there."), times: 1)
            try await waitForAQuestion(target, of: started.guestUuid)
            try await target.stopReplica(.test, generation: 1)
            #expect(try await verified(target).isEmpty)
        }
    }

    @Test func anAgentOfTheHostThatWasStartedAgainAsksAnew() async throws {
        try await withTwoSites { sites in
            var guest = ""
            try await sites.run(ending: .asAfterACrash) { source, target in
                try await twoPoints(source, target)
                guest = try await target.startReplica(1, .test, generation: 1).guestUuid
            }
            // Nobody hears of it.
            sites.target.hypervisor.setGuestAgent(true, of: guest)
            try await sites.runTarget(ending: .asAfterACrash) { target in
                try await marked(1, by: .guestAgent, target)
            }
            try await sites.runTarget { target in
                #expect(try await verified(target) == [1: .guestAgent])
                try await target.stopReplica(.test, generation: 1)
                #expect(try await verified(target) == [1: .guestAgent])
            }
        }
    }

    // MARK: The operator's word

    @Test func anOperatorMarksThePointOfATestThatSaidNothing() async throws {
        try await withBothAgents { _, source, target in
            try await twoPoints(source, target)
            _ = try await target.startReplica(2, .test, generation: 1)
            try await target.stopReplica(.test, verdict: .verified, generation: 1)
            #expect(try await verified(target) == [2: .operator])
            // Told again after it was done, it changes nothing: there is no test any more.
            try await target.stopReplica(.test, verdict: .failed, generation: 1)
            #expect(try await verified(target) == [2: .operator])
        }
    }

    @Test func anOperatorTakesBackWhatTheGuestAgentSaid() async throws {
        try await withBothAgents { _, source, target in
            try await twoPoints(source, target)
            target.hypervisor.setReplicasAnswer(true)
            _ = try await target.startReplica(1, .test, generation: 1)
            try await marked(1, by: .guestAgent, target)
            try await target.stopReplica(.test, verdict: .failed, generation: 1)
            #expect(try await verified(target).isEmpty)
            // A later test of the same point begins anew.
            _ = try await target.startReplica(1, .test, generation: 1)
            try await marked(1, by: .guestAgent, target)
            try await target.stopReplica(.test, generation: 1)
            #expect(try await verified(target) == [1: .guestAgent])
        }
    }

    /// What was judged is judged again when the agent ended before it could answer, and the test ends all the same.
    @Test(arguments: [StartedStep.stopJudged, .stopRecorded, .stopGuestRemoved])
    func aVerdictSurvivesACrash(step: StartedStep) async throws {
        try await withTwoSites { sites in
            let crash = CrashAt(step)
            sites.target.hypervisor.setReplicasAnswer(true)
            try await sites.run(ending: .asAfterACrash, steps: crash.hook) { source, target in
                try await twoPoints(source, target)
                _ = try await target.startReplica(1, .test, generation: 1)
                try await marked(1, by: .guestAgent, target)
                _ = await refusal { try await target.stopReplica(.test, verdict: .failed, generation: 1) }
                #expect(crash.happened)
            }
            try await sites.runTarget { target in
                try await target.stopReplica(.test, verdict: .failed, generation: 1)
                #expect(try await verified(target).isEmpty)
                #expect(!target.exists("test") && target.views().isEmpty)
            }
        }
    }

    @Test func onlyATestIsJudged() async throws {
        try await withBothAgents { _, source, target in
            try await twoPoints(source, target)
            _ = try await target.startReplica(1, .failover, generation: 2)
            for verdict in [Messages.TestVerdict.verified, .failed] {
                #expect(
                    await refusal { try await target.stopReplica(.failover, verdict: verdict, generation: 2) }
                        == .invalidArgument)
            }
            #expect(
                await refusal { try await target.stopReplica(.test, verdict: .UNRECOGNIZED(9), generation: 2) }
                    == .invalidArgument)
            try await target.stopReplica(.failover, generation: 2)
            #expect(try await verified(target).isEmpty)
        }
    }
}
