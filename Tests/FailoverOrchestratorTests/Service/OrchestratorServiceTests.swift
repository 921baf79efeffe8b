import Eventually
import MessageBus
import Messages
import SwiftProtobuf
import Synchronization
import Testing

@testable import FailoverOrchestrator

/// The service as its peers see it.
@Suite struct OrchestratorServiceTests {
    @Test func `a planned failover asks everybody in order, and reports`() async throws {
        try await OrchestratorBench.use { bench in
            let running = try await bench.start()
            let begun = try await running.start(.planned)
            let run = try await running.run(String(begun.id.prefix(8)), .succeeded)
            #expect(
                bench.sites.acts == [
                    "vault Begin", "alpha StopGuest", "policy TriggerCycle", "vault ActivateTarget", "alpha SetSide",
                    "beta SetSide", "beta StartReplica", "alpha SetSide", "alpha AdoptDisks", "vault Reverse",
                    "beta CommitReplica",
                ])
            #expect(run.cycle == 8 && run.rpoMs == 0 && run.rtoMs >= 0)
            #expect(run.fromHost == "alpha" && run.toHost == "beta" && run.generation == 5)
            #expect(run.requestedBy == "test" && run.startedGuest == "web")
            #expect(run.warnings == ["beta: br-c leads nowhere: its link is down."])
            #expect(run.steps.map(\.number) == Array(1...11))
            #expect(run.steps.first { $0.name == "prepare" }?.state == .skipped)
            let started = bench.sites.state.withLock { $0.started }
            #expect(started?.networks.first?.target == "br-b" && started?.cycle == 8)
            #expect(bench.sites.state.withLock { Set($0.generations) } == [4, 5])
            try await running.stop()
        }
    }

    @Test(arguments: [("fast", 42_000), ("", 17_000)])
    func `a shutdown may take what the pair's policy says, or the one that pairs without have`(
        policy: String, limit: UInt32
    ) async throws {
        try await OrchestratorBench.use { bench in
            bench.sites.state.withLock { $0.pairPolicy = policy }
            let running = try await bench.start()
            _ = try await running.run(try await running.start(.planned).id, .succeeded)
            #expect(bench.sites.state.withLock { $0.stopped?.shutdownLimitMs } == limit)
            try await running.stop()
        }
    }

    @Test func `an unplanned failover goes on without a source that is dead`() async throws {
        try await OrchestratorBench.use { bench in
            await bench.sites.stopAgent("alpha")
            let running = try await bench.start()
            let begun = try await running.start(.unplanned) { $0.point = .latestApplicationConsistent }
            let run = try await running.run(begun.id, .succeeded)
            #expect(run.cycle == 5)
            #expect(run.steps.first { $0.name == "fence-source" }?.state == .skipped)
            #expect(run.warnings.contains { $0.contains("duties") })
            #expect(bench.sites.state.withLock { $0.protection.state } == .commitPending)
            try await running.stop()
        }
    }

    @Test func `a source that answers late is reached all the same`() async throws {
        try await OrchestratorBench.use { bench in
            // More than a probe waits, less than a source that the vault hears is given.
            bench.sites.next("SetSide", .late(.seconds(1)))
            bench.sites.next("DescribeSide", .late(.zero))
            bench.sites.next("DescribeSide", .late(.seconds(1)))
            let running = try await bench.start()
            let begun = try await running.start(.unplanned) { $0.reachSource = true }
            let run = try await running.run(begun.id, .succeeded)
            #expect(run.steps.allSatisfy { $0.state == .done }, "\(run.steps)")
            #expect(!run.warnings.contains { $0.contains("duties") })
            #expect(
                bench.sites.acts.prefix(5) == [
                    "vault Begin", "alpha StopGuest", "policy TriggerCycle", "vault ActivateTarget", "alpha SetSide",
                ])
            try await running.stop()
        }
    }

    @Test func `a request that comes twice starts one run`() async throws {
        try await OrchestratorBench.use { bench in
            let operation = OperationIdentifier.random()
            let first = try await bench.start()
            let begun = try await first.start(.test, operation: operation)
            _ = try await first.run(begun.id, .succeeded)
            try await first.stop()
            // The memory of answers is gone with the process.
            let second = try await bench.start()
            #expect(try await second.start(.test, operation: operation).id == begun.id)
            #expect(try await second.runs().count == 1)
            try await second.stop()
        }
    }

    @Test func `a second failover is refused while one runs, and names it`() async throws {
        try await OrchestratorBench.use { bench in
            let gate = ScriptedSites.Gate()
            bench.sites.next("StopGuest", .hold(gate))
            let running = try await bench.start()
            let begun = try await running.start(.planned)
            try await eventually("the guest is being shut down") { bench.sites.acts.contains("alpha StopGuest") }
            for kind in [Messages.RunKind.unplanned, .test, .planned] {
                let error = try await #require(throws: RemoteError.self) { try await running.start(kind) }
                #expect(error.code == .failedPrecondition && error.facts["run"] == begun.id)
            }
            gate.open()
            _ = try await running.run(begun.id, .succeeded)
            try await running.stop()
        }
    }

    @Test func `a test stays until it is cleaned up`() async throws {
        try await OrchestratorBench.use { bench in
            let running = try await bench.start()
            let test = try await running.start(.test)
            #expect(try await running.run(test.id, .succeeded).startedGuest == "web-test")
            let error = try await #require(throws: RemoteError.self) { try await running.start(.test) }
            #expect(error.code == .alreadyExists && error.facts["run"] == test.id)
            let cleanup = try await running.start(.cleanup)
            _ = try await running.run(cleanup.id, .succeeded)
            let again = try await running.start(.test)
            _ = try await running.run(again.id, .succeeded)
            #expect(bench.sites.acts == ["beta StartReplica", "beta StopReplica", "beta StartReplica"])
            #expect(try await running.runs().map(\.id) == [again.id, cleanup.id, test.id])
            try await running.stop()
        }
    }

    @Test func `a verdict goes to the agent, and the report says what became of the point`() async throws {
        try await OrchestratorBench.use { bench in
            let running = try await bench.start()
            let verdicts: [Messages.TestVerdict] = [.verified, .failed, .unspecified]
            for verdict in verdicts {
                let test = try await running.start(.test)
                _ = try await running.run(test.id, .succeeded)
                let begun = try await running.start(.cleanup) { $0.verdict = verdict }
                let cleanup = try await running.run(begun.id, .succeeded)
                #expect(cleanup.cycle == 7)
                #expect(
                    cleanup.steps.map(\.detail)
                        == [verdict == .verified ? "Point 7 is verified." : "Point 7 is not verified."])
            }
            #expect(bench.sites.state.withLock { $0.verdicts } == verdicts)
            try await running.stop()
        }
    }

    @Test func `a cleanup does not depend on what can be said of the point`() async throws {
        try await OrchestratorBench.use { bench in
            let running = try await bench.start()
            let test = try await running.start(.test)
            _ = try await running.run(test.id, .succeeded)
            bench.sites.next("ListPoints", .refuse(RemoteError(.notFound, "There is no replica any more.")))
            let begun = try await running.start(.cleanup) { $0.verdict = .verified }
            let cleanup = try await running.run(begun.id, .succeeded)
            #expect(cleanup.steps.map(\.detail) == [""])
            try await running.stop()
        }
    }

    @Test func `only a test that is known is judged, and only by its cleanup`() async throws {
        try await OrchestratorBench.use { bench in
            let running = try await bench.start()
            let unknown = try await #require(throws: RemoteError.self) {
                try await running.start(.cleanup) { $0.verdict = .verified }
            }
            #expect(unknown.code == .notFound && unknown.facts["rule"] == "no-test")
            for verdict in [Messages.TestVerdict.failed, .UNRECOGNIZED(9)] {
                let error = try await #require(throws: RemoteError.self) {
                    try await running.start(.test) { $0.verdict = verdict }
                }
                #expect(error.code == .invalidArgument)
            }
            #expect(bench.sites.acts.isEmpty)
            try await running.stop()
        }
    }

    @Test func `a dry run answers the steps, and does and keeps nothing`() async throws {
        try await OrchestratorBench.use { bench in
            let running = try await bench.start()
            let run = try await running.start(.planned) { $0.dryRun = true }
            #expect(run.steps.first?.name == "claim" && run.steps.allSatisfy { $0.state == .pending })
            #expect(bench.sites.acts.isEmpty)
            #expect(try await running.runs().isEmpty)
            try await running.stop()
        }
    }

    @Test func `stopped in the middle of a step, it goes on after its next start`() async throws {
        try await OrchestratorBench.use { bench in
            let gate = ScriptedSites.Gate()
            bench.sites.next("StartReplica", .hold(gate))
            let first = try await bench.start()
            let begun = try await first.start(.planned)
            try await eventually("the replica is being started") { bench.sites.acts.contains("beta StartReplica") }
            try await first.stop()
            gate.open()
            let second = try await bench.start()
            let run = try await second.run(begun.id, .succeeded)
            #expect(run.steps.first { $0.name == "start-replica" }?.state == .done)
            #expect(bench.sites.acts.count { $0 == "vault ActivateTarget" } == 1)
            try await second.stop()
        }
    }

    @Test func `a refusal before the change of sides takes everything back`() async throws {
        try await OrchestratorBench.use { bench in
            bench.sites.next(
                "TriggerCycle", .refuse(RemoteError(.failedPrecondition, "No worker.", remedy: "Start a worker.")))
            let running = try await bench.start()
            let begun = try await running.start(.planned)
            let run = try await running.run(begun.id, .failed)
            #expect(run.sentence.contains("No worker.") && run.remedy == "Start a worker.")
            #expect(
                bench.sites.acts == [
                    "vault Begin", "alpha StopGuest", "policy TriggerCycle", "alpha StartGuest", "vault Retreat",
                ])
            #expect(
                run.steps.filter { $0.state == .undone }.map(\.name) == ["claim", "shut-down-source"])
            try await running.stop()
        }
    }

    @Test func `after it, a refusal waits for somebody, who may resume`() async throws {
        try await OrchestratorBench.use { bench in
            bench.sites.next("AdoptDisks", .refuse(RemoteError(.failedPrecondition, "A disk is in use.")))
            let running = try await bench.start()
            let begun = try await running.start(.planned)
            let run = try await running.run(begun.id, .waiting)
            #expect(run.sentence == "A disk is in use." && run.remedy.contains("resume"))
            #expect(try await running.client.health(deadline: .seconds(60)).level == .warning)
            _ = try await running.client.orchestrator(.resumeRun(.with { $0.id = begun.id }))
            _ = try await running.run(begun.id, .succeeded)
            #expect(try await running.client.health(deadline: .seconds(60)).level == .normal)
            try await running.stop()
        }
    }

    @Test func `abandoned where the guest runs at the target, it leaves the choice open`() async throws {
        try await OrchestratorBench.use { bench in
            bench.sites.next("AdoptDisks", .refuse(RemoteError(.failedPrecondition, "A disk is in use.")))
            let running = try await bench.start()
            let begun = try await running.start(.planned)
            _ = try await running.run(begun.id, .waiting)
            _ = try await running.client.orchestrator(.abandonRun(.with { $0.id = begun.id }))
            let run = try await running.run(begun.id, .failed)
            #expect(run.remedy.contains("reverse"))
            #expect(bench.sites.state.withLock { $0.protection.state } == .commitPending)
            try await running.stop()
        }
    }

    @Test func `an agent that answers nonsense is named, and asked again`() async throws {
        try await OrchestratorBench.use { bench in
            bench.sites.next("StartReplica", .nonsense)
            let running = try await bench.start()
            let begun = try await running.start(.unplanned)
            let run = try await running.run(begun.id, .succeeded)
            #expect(run.steps.first { $0.name == "start-replica" }?.attempts == 2)
            try await running.stop()
        }
    }

    @Test func `bad requests get one clear error each, and change nothing`() async throws {
        try await OrchestratorBench.use { bench in
            let running = try await bench.start()
            func code(_ request: OrchestratorRequestWire) async throws -> ErrorCode {
                try await #require(throws: RemoteError.self) { try await running.client.orchestrator(request) }.code
            }
            #expect(try await code(.startRun(.init())) == .invalidArgument)
            #expect(
                try await code(
                    .startRun(
                        .with {
                            $0.kind = .test; $0.protection = "web"
                        })) == .invalidArgument)
            #expect(
                try await code(
                    .startRun(
                        .with {
                            $0.kind = .planned; $0.protection = "nobody"
                        })) == .notFound)
            #expect(
                try await code(
                    .startRun(
                        .with {
                            $0.kind = .failback; $0.protection = "web"
                        })) == .failedPrecondition)
            #expect(
                try await code(
                    .startRun(
                        .with {
                            $0.kind = .commit; $0.protection = "web"
                        })) == .failedPrecondition)
            #expect(try await code(.getRun(.with { $0.id = "abc" })) == .invalidArgument)
            #expect(try await code(.getRun(.with { $0.id = "abcdefgh" })) == .notFound)
            #expect(try await code(.resumeRun(.with { $0.id = "abcdefgh" })) == .notFound)
            let other = try await #require(throws: RemoteError.self) {
                try await running.client.policy(.listPolicies(.init()))
            }
            #expect(other.code == .unimplemented)
            bench.sites.setReachable("alpha", false)
            let silent = try await #require(throws: RemoteError.self) { try await running.start(.planned) }
            #expect(silent.facts["rule"] == "host-silent" && silent.remedy.contains("unplanned"))
            #expect(bench.sites.acts.isEmpty)
            try await running.stop()
        }
    }

    private typealias OrchestratorRequestWire = Messages.OrchestratorRequest.OneOf_Request
}
