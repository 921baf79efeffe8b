import BlockDevice
import FoundationEssentials
import Hypervisor
import Messages
import Testing

@testable import HostAgent

/// The agent ends right after a step, is started again, and is asked again.
@Suite(.serialized, .enabled(if: ViewPluginForTests.isThere, ViewPluginForTests.reason))
struct AgentFailoverCrashTests {
    private static func steps(_ prefixes: String...) -> [StartedStep] {
        StartedStep.allCases.filter { step in prefixes.contains { step.rawValue.hasPrefix($0) } }
    }

    @Test(arguments: steps("start"))
    func aStartGoesOn(step: StartedStep) async throws {
        try await withTwoSites { sites in
            let crash = CrashAt(step)
            var held: [UInt8] = []
            try await sites.run(ending: .asAfterACrash, steps: crash.hook) { source, target in
                held = try await source.cycle(1, .full, parent: 0, to: target)
                try await source.cycle(2, .incremental, parent: 1, to: target)
                #expect(await refusal { try await target.startReplica(1, .failover, generation: 2) } != nil)
                #expect(crash.happened)
            }
            try await sites.runTarget { target in
                #expect(try await target.startReplica(1, .failover, generation: 2).cycle == 1)
                #expect(target.hypervisor.contents(of: target.guest, "vda").contents == held)
                #expect(target.hypervisor.checkpoints(of: target.guest).count == 1 && target.views().count == 1)
                #expect(try await target.describe().runningCycle == 1)
                try await target.stopReplica(.failover, generation: 2)
                try await expectNothing(target)
            }
        }
    }

    /// What it wrote while nobody knew that it ran is in no point.
    @Test func aGuestThatRanOutlivesAFailureOfTheStartThatGoesOn() async throws {
        try await withTwoSites { sites in
            let crash = CrashAt(.startGuestRuns)
            try await sites.run(ending: .asAfterACrash, steps: crash.hook) { source, target in
                try await source.cycle(1, .full, parent: 0, to: target)
                try await source.cycle(2, .incremental, parent: 1, to: target)
                #expect(await refusal { try await target.startReplica(1, .failover, generation: 2) } != nil)
            }
            try await sites.runTarget { target in
                target.hypervisor.write(randomBytes(10_000), to: target.guest, "vda", at: 0)
                let written = target.hypervisor.contents(of: target.guest, "vda").contents
                target.hypervisor.fail(.startReplicaGuest, with: HypervisorError(.hostUnfit, "not now"))
                #expect(
                    await refusal { try await target.startReplica(1, .failover, generation: 2) } == .failedPrecondition)
                #expect(try await target.startReplica(1, .failover, generation: 2).cycle == 1)
                #expect(target.hypervisor.contents(of: target.guest, "vda").contents == written)
                try await target.stopReplica(.failover, generation: 2)
                try await expectNothing(target)
            }
        }
    }

    @Test(arguments: steps("start"))
    func aStartThatNobodyWantsAnyMoreIsTakenBack(step: StartedStep) async throws {
        try await withTwoSites { sites in
            let crash = CrashAt(step)
            try await sites.run(ending: .asAfterACrash, steps: crash.hook) { source, target in
                try await source.cycle(1, .full, parent: 0, to: target)
                try await source.cycle(2, .incremental, parent: 1, to: target)
                #expect(await refusal { try await target.startReplica(1, .failover, generation: 2) } != nil)
                #expect(crash.happened)
            }
            try await sites.runTarget { target in
                // Another point instead.
                #expect(try await target.startReplica(2, .failover, generation: 2).cycle == 2)
                try await target.stopReplica(.failover, generation: 2)
                try await expectNothing(target)
            }
        }
    }

    @Test(arguments: steps("stop"), [ReplicaPurpose.test, .failover])
    func aStopIsFinished(step: StartedStep, purpose: ReplicaPurpose) async throws {
        try await withTwoSites { sites in
            let crash = CrashAt(step)
            try await sites.run(ending: .asAfterACrash, steps: crash.hook) { source, target in
                try await source.cycle(1, .full, parent: 0, to: target)
                _ = try await target.startReplica(1, purpose, generation: 2)
                #expect(await refusal { try await target.stopReplica(purpose, generation: 2) } != nil)
                #expect(crash.happened)
            }
            try await sites.runTarget { target in
                try await target.stopReplica(purpose, generation: 2)
                try await expectNothing(target)
                #expect(try await target.points().map(\.cycle) == [1])
            }
        }
    }

    @Test(arguments: steps("commit", "cold"))
    func aCommitIsFinished(step: StartedStep) async throws {
        try await withTwoSites { sites in
            let crash = CrashAt(step)
            var held: [UInt8] = []
            try await sites.run(ending: .asAfterACrash, steps: crash.hook) { source, target in
                held = try await source.cycle(1, .full, parent: 0, to: target)
                try await source.cycle(2, .incremental, parent: 1, to: target)
                _ = try await target.startReplica(1, .failover, generation: 2)
                try await poll("the commit comes to the step") {
                    do {
                        if try await target.commitReplica(generation: 2).finished, !crash.happened {
                            try await target.stopGuest(generation: 2)
                        }
                    } catch is RemoteError {
                        // What a crash of the agent looks like from here.
                    }
                    return crash.happened
                }
            }
            try await sites.runTarget { target in
                try await poll("the commit ends") { try await target.commitReplica(generation: 2).finished }
                #expect(try await target.points().map(\.cycle) == [1])
                #expect(try target.contents(of: 1) == held)
                try await target.stopGuest(generation: 2)
                try await poll("the view ends") { target.views().isEmpty }
                #expect(target.hypervisor.isOnBase(target.guest))
            }
        }
    }

    /// The whole way there and back, with the agent that does it ended at one step.
    @Test(arguments: steps("adopt", "base", "return"))
    func theWayThereAndBackGoesOn(step: StartedStep) async throws {
        try await withTwoSites { sites in
            let crash = CrashAt(step)
            try await Journey(sites: sites, crash: crash).run()
            #expect(crash.happened)
        }
    }

    private func expectNothing(_ target: AgentHarness) async throws {
        #expect(!target.hypervisor.isDefined(target.guest) && target.views().isEmpty)
        #expect(!target.exists("failover") && !target.exists("test"))
        #expect(try await target.describe().runningCycle == 0)
    }
}
