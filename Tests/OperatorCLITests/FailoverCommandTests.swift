import Foundation
import MessageBus
import Messages
import Synchronization
import Testing

@testable import OperatorCLI

/// Failover commands from the arguments to the exit status, against a scripted orchestrator on real sockets.
@Suite struct FailoverCommandTests {
    /// What the orchestrator was asked to begin, dry runs included.
    private final class Orders: Sendable {
        private let seen = Mutex<[StartRun]>([])
        var all: [StartRun] { seen.withLock { $0 } }
        var real: [StartRun] { all.filter { !$0.dryRun } }

        /// Answers a plan to a dry run, and to anything else the run as it ended.
        func answer(
            _ request: OrchestratorRequest.OneOf_Request, ended: (RunKind) -> Run = RunSamples.succeeded
        ) throws -> OrchestratorReply.OneOf_Reply {
            guard case .startRun(let order) = request else { throw ScriptedServices.unexpected }
            seen.withLock { $0.append(order) }
            return .run(order.dryRun ? RunSamples.run(order.kind, .running, current: 0) : ended(order.kind))
        }
    }

    private static let destructive: [([String], RunKind)] = [
        (["failover", "web1", "--planned"], .planned), (["failover", "web1", "--unplanned"], .unplanned),
        (["cleanup", "web1"], .cleanup), (["commit", "web1"], .commit), (["cancel", "web1"], .cancel),
        (["change-point", "web1", "--point", "17"], .changePoint), (["reverse", "web1"], .reverse),
        (["failback", "web1"], .failback),
    ]

    private func bascule(_ services: ScriptedServices, _ arguments: [String], _ console: RecordingConsole) async
        -> CommandStatus
    {
        await BasculeTool.run(
            arguments, console: console,
            environment: [
                "BASCULE_VAULT": services.vault.endpoint, "BASCULE_ORCHESTRATOR": services.orchestrator.endpoint,
            ])
    }

    @Test(arguments: destructive) func whatDestroysShowsItsPlanAndAsks(arguments: [String], kind: RunKind) async throws
    {
        for answer in [nil, "n", "y"] as [String?] {
            let orders = Orders()
            try await ScriptedServices.run(orchestrator: { try orders.answer($0) }) { services in
                let console = RecordingConsole(answer: answer)
                let status = await bascule(services, arguments, console)
                #expect(status == (answer == "y" ? .ok : .refused))
                #expect(orders.all.map(\.kind) == (answer == "y" ? [kind, kind] : [kind]))
                #expect(orders.real.count == (answer == "y" ? 1 : 0))
                #expect(console.said.output.contains("  3. Start the guest at beta"))
                #expect(console.said.questions.count == (answer == nil ? 0 : 1))
                if answer == nil { #expect(console.said.errors.last == "  Next: add --yes.") }
            }
        }
    }

    @Test(arguments: destructive) func scriptsAskForNoPlan(arguments: [String], kind: RunKind) async throws {
        let orders = Orders()
        try await ScriptedServices.run(orchestrator: { try orders.answer($0) }) { services in
            let console = RecordingConsole()
            #expect(await bascule(services, arguments + ["--yes"], console) == .ok)
            #expect(orders.all.map(\.dryRun) == [false])
            #expect(console.said.output.first?.hasSuffix("of web1: alpha → beta (run 1a2b3c4d)") == true)
            #expect(console.said.output.contains("  ✓ Fetch the last delta  200 ms"))
        }
    }

    @Test(arguments: destructive) func aDryRunDoesNothing(arguments: [String], kind: RunKind) async throws {
        let orders = Orders()
        try await ScriptedServices.run(orchestrator: { try orders.answer($0) }) { services in
            #expect(await bascule(services, arguments + ["--dry-run"], RecordingConsole()) == .ok)
            #expect(orders.all.map(\.dryRun) == [true])
            let machine = RecordingConsole()
            #expect(await bascule(services, arguments + ["--dry-run", "--json"], machine) == .ok)
            #expect(machine.said.output.count == 1)
            #expect(machine.said.output[0].contains(#""state":"running""#))
        }
    }

    @Test func aTestDisturbsNothingSoNobodyIsAsked() async throws {
        let orders = Orders()
        try await ScriptedServices.run(orchestrator: { try orders.answer($0) }) { services in
            #expect(await services.bascule("failover", "web1", "--test", "--point", "verified") == .ok)
            #expect(orders.all.map(\.dryRun) == [false])
            #expect(orders.all[0].point == .latestVerified)
        }
    }

    @Test func everyOptionTravels() async throws {
        let orders = Orders()
        try await ScriptedServices.run(orchestrator: { try orders.answer($0) }) { services in
            #expect(
                await services.bascule(
                    "failover", "web1", "--unplanned", "--reach-source", "--shutdown-limit", "30s", "--force-off",
                    "--point", "application", "--yes") == .ok)
            #expect(await services.bascule("reverse", "web1", "--keep-diverged", "--yes") == .ok)
            let order = try #require(orders.all.first)
            #expect(order.protection == "web1")
            #expect(order.reachSource && order.shutdownLimitMs == 30_000 && order.whenShutdownFails == .destroy)
            #expect(order.point == .latestApplicationConsistent && order.cycle == 0)
            #expect(orders.all[1].keepDiverged && orders.all[1].point == .unspecified)
        }
    }

    @Test func whatIsSaidOfATestTravelsWithItsCleanup() async throws {
        let orders = Orders()
        try await ScriptedServices.run(orchestrator: { try orders.answer($0) }) { services in
            #expect(await services.bascule("cleanup", "web1", "--yes") == .ok)
            #expect(await services.bascule("cleanup", "web1", "--verified", "--yes") == .ok)
            #expect(await services.bascule("cleanup", "web1", "--failed", "--yes") == .ok)
            #expect(orders.all.map(\.kind) == [.cleanup, .cleanup, .cleanup])
            #expect(orders.all.map(\.verdict) == [.unspecified, .verified, .failed])
        }
    }

    @Test func aTimeIsLookedUpAmongThePointsOfTheTarget() async throws {
        let orders = Orders()
        let endpoint = Mutex("")
        try await ScriptedServices.run(
            vault: { _ in .snapshot(WireSamples.snapshot(agent: endpoint.withLock { $0 })) },
            orchestrator: { try orders.answer($0) },
            agent: { _ in
                var list = PointList()
                list.points = [WireSamples.point(3), WireSamples.point(4)]
                return .points(list)
            }
        ) { services in
            endpoint.withLock { $0 = services.agent.endpoint }
            #expect(await services.bascule("failover", "web1", "--test", "--point", "1970-01-01T00:00:03Z") == .ok)
            #expect(orders.all[0].point == .cycle && orders.all[0].cycle == 3)
            let before = await services.bascule("failover", "web1", "--test", "--point", "1970-01-01T00:00:01Z")
            #expect(before == .notFound)
        }
    }

    @Test(arguments: [
        ["failover", "web1"], ["failover", "web1", "--test", "--planned"],
        ["failover", "web1", "--planned", "--point", "3"], ["failover", "web1", "--planned", "--reach-source"],
        ["failover", "web1", "--test", "--force-off"], ["failover", "web1", "--unplanned", "--shutdown-limit", "5s"],
        ["failover", "web1", "--planned", "--shutdown-limit", "11m", "--yes"],
        ["cleanup", "web1", "--verified", "--failed"],
        ["failover", "web1", "--test", "--point", "yesterday"], ["change-point", "web1"], ["run"],
    ])
    func aCommandLineThatMakesNoSenseIsRefused(arguments: [String]) async throws {
        let console = RecordingConsole()
        let status = await BasculeTool.run(arguments, console: console, environment: [:])
        // A group without a subcommand shows its help.
        #expect(status == (arguments == ["run"] ? .ok : .usage))
    }

    @Test func aRunIsShownUntilItsEndAndItsFailureIsAnExitStatus() async throws {
        let looks = Mutex(1)
        try await ScriptedServices.run(orchestrator: { request in
            switch request {
            case .startRun: return .run(RunSamples.run(.planned, .running))
            case .getRun(let asked):
                #expect(asked.id == RunSamples.id)
                let look = looks.withLock { looks in
                    looks += 1
                    return looks
                }
                if look < 4 { return .run(RunSamples.run(.planned, .running, current: look)) }
                var failed = RunSamples.run(.planned, .failed, current: 4)
                failed.steps[2].state = .failed
                failed.steps[1].state = .undone
                failed.sentence = "beta has no memory for web1."
                failed.remedy = "Make room, then try again."
                return .run(failed)
            default: throw ScriptedServices.unexpected
            }
        }) { services in
            let console = RecordingConsole()
            #expect(await services.bascule("failover", "web1", "--planned", "--yes", console: console) == .failed)
            #expect(
                console.said.output == [
                    "Planned failover of web1: alpha → beta (run 1a2b3c4d)", "  ✓ Choose the point  200 ms",
                    "  ✓ Fetch the last delta  200 ms", "  ↩ Fetch the last delta  200 ms",
                    "  ✗ Start the guest at beta  200 ms",
                    "  failed: beta has no memory for web1. Make room, then try again.",
                ])
            #expect(console.said.errors.first?.contains("failed: beta has no memory for web1.") == true)
        }
    }

    @Test func onATerminalTheStepsAreShownInPlace() async throws {
        let orders = Orders()
        try await ScriptedServices.run(orchestrator: { try orders.answer($0) }) { services in
            let console = RecordingConsole(width: 80)
            #expect(await services.bascule("failover", "web1", "--test", console: console) == .ok)
            #expect(console.said.output.count == 6)
        }
    }

    @Test func machinesGetTheRunAsItEnded() async throws {
        let orders = Orders()
        try await ScriptedServices.run(orchestrator: { try orders.answer($0) }) { services in
            let console = RecordingConsole()
            #expect(await services.bascule("commit", "web1", "--yes", "--json", console: console) == .ok)
            #expect(console.said.output.count == 1)
            for part in [#""rpoMilliseconds":850"#, #""rtoMilliseconds":1200"#, #""kind":"commit""#] {
                #expect(console.said.output[0].contains(part))
            }
        }
    }

    @Test func nobodyAtTheOrchestratorsEndpointSaysWhichServiceIsMissing() async {
        let console = RecordingConsole()
        let status = await BasculeTool.run(
            ["runs", "--orchestrator", "tcp://127.0.0.1:1", "--deadline", "1"], console: console, environment: [:])
        #expect(status == .unavailable)
        #expect(console.said.errors.first == "bascule: the failover orchestrator does not answer at tcp://127.0.0.1:1.")
    }

    @Test func aRefusalOfTheOrchestratorIsTold() async throws {
        try await ScriptedServices.run(orchestrator: { _ in
            throw RemoteError(.failedPrecondition, "web1 is held by run 9.", remedy: "Wait for it.")
        }) { services in
            let console = RecordingConsole()
            #expect(await services.bascule("failover", "web1", "--test", console: console) == .refused)
            #expect(console.said.errors == ["bascule: web1 is held by run 9.", "  Next: Wait for it."])
        }
    }
}
