import Eventually
import MessageBus
import Messages
import RawSockets
import SwiftProtobuf
import Synchronization
import Testing

@testable import FailoverOrchestrator

/// A vault and a policy service that are away, slow, or talk nonsense; strangers at the door.
@Suite(.timeLimit(.minutes(3))) struct OrchestratorNeighbourTests {
    @Test(arguments: ["vault Begin", "policy TriggerCycle", "vault ActivateTarget", "vault Reverse"])
    func `who answers nonsense is asked again, and the run goes on`(act: String) async throws {
        try await OrchestratorBench.use { bench in
            let name = String(act.split(separator: " ")[1])
            bench.sites.next(name, .nonsense)
            let running = try await bench.start()
            let begun = try await running.start(.planned)
            let run = try await running.run(begun.id, .succeeded)
            #expect(run.rpoMs == 0)
            #expect(bench.sites.acts.count { $0 == act } >= 2)
            #expect(try await running.runs().count == 1)
            try await running.stop()
        }
    }

    @Test(arguments: ["DescribeSide", "Begin", "TriggerCycle"])
    func `who is slow holds up its run, and no request`(name: String) async throws {
        try await OrchestratorBench.use { bench in
            let gate = ScriptedSites.Gate()
            bench.sites.next(name, .hold(gate))
            let running = try await bench.start()
            let begun = try await running.start(.planned)
            #expect(try await running.run(begun.id).state == .running)
            #expect(try await running.runs().map(\.id) == [begun.id])
            #expect(try await running.client.health(deadline: .seconds(60)).service == "orchestrator")
            gate.open()
            _ = try await running.run(begun.id, .succeeded)
            try await running.stop()
        }
    }

    @Test func `without a vault a run is refused with a sentence, and nothing is kept`() async throws {
        try await OrchestratorBench.use { bench in
            let settings = OrchestratorSettings(
                state: bench.state, listen: "tcp://127.0.0.1:*", vault: "tcp://127.0.0.1:1",
                policy: bench.sites.policy.endpoint)
            let service = try await OrchestratorService.start(settings: settings, logger: bench.logger)
            let running = OrchestratorBench.Running(
                service: service, client: try await bench.bus.client(to: service.endpoint),
                task: Task { try await service.run() })
            let error = try await #require(throws: RemoteError.self) { try await running.start(.planned) }
            #expect([.unavailable, .deadlineExceeded].contains(error.code), "\(error)")
            #expect(!error.message.isEmpty)
            #expect(try await running.runs().isEmpty)
            #expect(bench.sites.acts.isEmpty)
            try await running.stop()
            // The same database, and a vault that is there.
            let again = try await bench.start()
            let begun = try await again.start(.planned)
            _ = try await again.run(begun.id, .succeeded)
            try await again.stop()
        }
    }

    /// The policy service is killed between the question for the last delta and its answer, and is back later.
    @Test func `a policy service that is away during a run is waited for, and the run ends well`() async throws {
        try await OrchestratorBench.use { bench in
            let gate = ScriptedSites.Gate()
            bench.sites.next("TriggerCycle", .hold(gate))
            let running = try await bench.start()
            let begun = try await running.start(.planned)
            try await eventually("the last delta is asked for") {
                bench.sites.acts.contains("policy TriggerCycle")
            }
            await bench.sites.stopPolicy()
            gate.open()
            let waiting = try await running.run(begun.id, .waiting)
            #expect(waiting.sentence.lowercased().contains("policy"), "\(waiting.sentence)")
            #expect(try await running.client.health(deadline: .seconds(60)).service == "orchestrator")
            try await bench.sites.startPolicy()
            let run = try await running.run(begun.id, .succeeded)
            #expect(run.rpoMs == 0, "the last delta was made after all")
            #expect(bench.sites.state.withLock { $0.started?.cycle } == 8)
            try await running.stop()
        }
    }

    @Test func `garbage and other versions change nothing and stop nothing`() async throws {
        try await OrchestratorBench.use { bench in
            let running = try await bench.start()
            let raw = try RawDealer(to: running.service.endpoint)
            for round in 0..<100 {
                try raw.send((0...round % 4).map { _ in (0..<round * 3).map { _ in UInt8.random(in: 0...255) } })
            }
            var old = Envelope.request(
                .orchestratorRequest(.with { $0.request = .listRuns(ListRuns()) }), operation: .random(),
                timeLeft: .seconds(5), sender: "test")
            old.protocolVersion = 2
            try raw.send([[], old.encoded()])
            var code: ErrorCode?
            while code == nil, let frame = await raw.receive() {
                let reply = try Envelope(serializedBytes: frame)
                guard reply.operationID == old.operationID, case .error(let error) = reply.body else { continue }
                code = error.code
            }
            #expect(code == .unsupportedVersion)
            #expect(try await running.runs().isEmpty && bench.sites.acts.isEmpty)
            try await running.stop()
        }
    }
}
