import Eventually
import MessageBus
import Messages
import RawSockets
import SwiftProtobuf
import Testing

@testable import Policy

/// What dies, stays silent, or talks nonsense around the service: each ends with the next cycle succeeding, and with
/// nothing left open.
@Suite(.timeLimit(.minutes(4))) struct PolicyServiceFaultTests {
    @Test func `a worker that vanishes loses its lease, and another does the job`() async throws {
        try await ServiceBench.use { bench in
            bench.source.setChanged([700_000])
            let running = try await bench.startProtected()
            let lost = running.worker("vanishing")
            let job = try #require(try await lost.pullJobs().first)
            let other = running.worker("other")
            let again = try #require(try await other.pullJobs().first)
            #expect(again.job == job.job && again.attempt == job.attempt + 1)
            #expect(try await lost.report(job).abandon)
            let error = await #expect(throws: RemoteError.self) { try await lost.finish(job) }
            #expect(error?.code == .leaseLost)
            try await other.finish(again)
            try await running.point(1)
            let commits = bench.target.log.compactMap { request -> CommitCycle? in
                guard case .commitCycle(let commit) = request else { return nil }
                return commit
            }
            #expect(commits.first?.jobs.map(\.attempt) == [2])
            #expect(bench.source.count("KeepCapture") >= 2)
            try await running.stop()
        }
    }

    @Test func `finishing twice commits once`() async throws {
        try await ServiceBench.use { bench in
            bench.source.setChanged([700_000])
            let running = try await bench.startProtected()
            let worker = running.worker()
            let job = try #require(try await worker.pullJobs().first)
            try await worker.finish(job)
            try await worker.finish(job)
            try await running.point(1)
            #expect(bench.target.points == [1])
            try await running.stop()
        }
    }

    @Test func `a target that is away fails the cycle, and the next one succeeds when it is back`() async throws {
        try await ServiceBench.use { bench in
            let endpoint = bench.target.endpoint
            await bench.target.stop()
            let running = try await bench.startProtected()
            try await eventually("a failure", within: .seconds(60)) {
                guard let status = try await running.status() else { return false }
                return status.failuresInARow > 0 && bench.source.isAtRest
            }
            #expect(bench.source.checkpoints.isEmpty)
            let back = try await FakeAgent.start(bench.bus, at: endpoint)
            let status = try await running.point(2)
            #expect(status.failuresInARow == 0 && !status.hasLastFailure)
            #expect(back.points.first ?? 0 > 1)
            try await running.stop()
        }
    }

    @Test(arguments: ["OpenCapture", "OpenCycle", "CommitCycle", "CloseCommitted", "CloseAbandoned", "AbortCycle"])
    func `a refusal or nonsense at any step delays, and harms nothing`(name: String) async throws {
        try await ServiceBench.use { bench in
            let agent =
                ["OpenCapture", "CloseCommitted", "CloseAbandoned"].contains(name) ? bench.source : bench.target
            agent.next(name, .nonsense)
            agent.next(name, .refuse(RemoteError(.resourceExhausted, "No space is left.", remedy: "Make some.")))
            agent.next(name, .doAndForget)
            if name == "CloseAbandoned" || name == "AbortCycle" {
                bench.target.next("CommitCycle", .refuse(RemoteError(.corruptData, "a seal does not hold")))
            }
            let running = try await bench.startProtected()
            try await running.point(4)
            #expect(bench.target.points == bench.target.points.sorted())
            await bench.vault.change(ServiceBench.protection, to: .paused)
            try await eventually("nothing is left open") {
                guard let status = try await running.status() else { return false }
                return !status.cycleOpen && status.health.reason.contains("Paused") && bench.source.isAtRest
                    && bench.target.isAtRest
            }
            #expect(bench.source.checkpoints == [bench.target.points.last ?? 0])
            try await running.stop()
        }
    }

    /// As long as no cycle goes through, no commit can tell it.
    @Test func `a full target hears of a shortened retention with the next cycle`() async throws {
        try await ServiceBench.use { bench in
            let full = RemoteError(.resourceExhausted, "No space is left.", remedy: "Shorten the retention.")
            for _ in 1...100 { bench.target.next("OpenCycle", .refuse(full)) }
            let running = try await bench.startProtected()
            func asked() -> [UInt32] {
                bench.target.log.compactMap { request in
                    guard case .openCycle(let order) = request, order.hasRetention else { return nil }
                    return order.retention.everyCycleSeconds
                }
            }
            try await eventually("the target is asked") { !asked().isEmpty }
            #expect(Set(asked()) == [ServiceBench.fast.retention.everyCycleSeconds])
            var short = ServiceBench.fast
            short.retention.everyCycleSeconds = 7
            _ = try await running.ask(.putPolicy(.with { $0.policy = short }))
            try await eventually("it is asked with the new one") { asked().last == 7 }
            #expect(bench.target.points.isEmpty && bench.target.count("CommitCycle") == 0)
            try await running.stop()
        }
    }

    @Test func `what a host says of a failure is told in its name, with the cause`() async throws {
        try await ServiceBench.use { bench in
            let facts = ["cause": "write: Input/output error", "path": "/replicas/5.hrl"]
            for _ in 0..<20 {
                bench.target.next("OpenCycle", .refuse(RemoteError(.unavailable, "it was refused", facts: facts)))
            }
            let running = try await bench.startProtected()
            try await eventually("a failure", within: .seconds(60)) {
                guard let status = try await running.status() else { return false }
                return status.lastFailure.error.message.hasSuffix(
                    ": it was refused: write: Input/output error (/replicas/5.hrl).")
                    && status.lastFailure.error.message.hasPrefix("Host ")
            }
            try await running.stop()
        }
    }

    @Test func `a slow agent delays its own protection and no request`() async throws {
        try await ServiceBench.use { bench in
            let gate = FakeAgent.Gate()
            bench.source.next("OpenCapture", .hold(gate))
            let running = try await bench.startProtected()
            try await eventually("it asks") { bench.source.count("OpenCapture") == 1 }
            let status = try #require(try await running.status())
            #expect(status.cycleOpen && status.phase == "opening the capture")
            #expect(try await running.worker().pull(waitMilliseconds: 1).isEmpty)
            // Paused meanwhile: the answer that comes late must not begin a transfer.
            await bench.vault.change(ServiceBench.protection, to: .paused)
            try await eventually("the pause is known") {
                try await running.status()?.health.reason.contains("Paused") == true
            }
            gate.open()
            try await eventually("it is closed again") { bench.source.count("CloseAbandoned") == 1 }
            #expect(bench.target.names.isEmpty)
            try await running.stop()
        }
    }

    @Test func `restarted during a transfer, the service abandons that cycle and makes the next`() async throws {
        try await ServiceBench.use { bench in
            bench.source.setChanged([700_000])
            var running = try await bench.startProtected()
            let job = try #require(try await running.worker().pullJobs().first)
            try await running.stop()
            #expect(!bench.source.isAtRest)
            running = try await bench.start()
            try await eventually("both sides are cleaned") {
                bench.source.count("CloseAbandoned") == 1 && bench.target.count("AbortCycle") == 1
            }
            let worker = running.worker("new")
            let next = try #require(try await worker.pullJobs().first)
            #expect(next.cycle == job.cycle + 1)
            let error = await #expect(throws: RemoteError.self) { try await running.worker().finish(job) }
            #expect(error?.code == .leaseLost)
            try await worker.finish(next)
            try await running.point(next.cycle)
            #expect(bench.target.points == [next.cycle])
            try await running.stop()
        }
    }

    @Test func `restarted during a commit, the service asks the target and believes it`() async throws {
        try await ServiceBench.use { bench in
            var running = try await bench.startProtected()
            try await running.point(1)
            let gate = FakeAgent.Gate()
            bench.target.next("CommitCycle", .hold(gate))
            let commits = bench.target.count("CommitCycle")
            try await eventually("a commit is under way") { bench.target.count("CommitCycle") > commits }
            try await running.stop()
            gate.open()
            try await eventually("it is committed") { bench.target.isAtRest }
            let committed = try #require(bench.target.points.last)
            running = try await bench.start()
            try await running.point(committed)
            try await eventually("its capture is closed as committed") {
                bench.source.checkpoints.contains(committed) || bench.target.points.count > Int(committed)
            }
            #expect(bench.source.count("CloseAbandoned") == 0)
            try await running.point(committed + 1)
            try await running.stop()
        }
    }

    @Test func `the vault goes away: cycles go on, also after a restart`() async throws {
        try await ServiceBench.use { bench in
            var running = try await bench.startProtected()
            let before = try await running.point(1).newestCycle
            await bench.vault.stop()
            let after = try await running.point(before + 2).newestCycle
            try await running.stop()
            running = try await bench.start()
            try await running.point(after + 2)
            let health = try await running.client.health(deadline: .seconds(60))
            #expect(health.level == .warning)
            #expect(health.details.contains { $0.contains("vault") })
            try await running.stop()
        }
    }

    @Test func `garbage, other versions and other services' requests change nothing and stop nothing`() async throws {
        try await ServiceBench.use { bench in
            let running = try await bench.startProtected()
            try await running.point(1)
            let raw = try RawDealer(to: running.service.endpoint)
            var random = SeededGenerator(seed: 3)
            for round in 0..<200 {
                let frames = (0..<(round % 4 + 1)).map { _ in
                    (0..<Int(random.next() % 300)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
                }
                try raw.send(frames)
            }
            var old = Envelope.request(
                .policyRequest(.with { $0.request = .listPolicies(ListPolicies()) }), operation: .random(),
                timeLeft: .seconds(5), sender: "test")
            old.protocolVersion = 2
            try raw.send([[], old.encoded()])
            var refused: WireError?
            while let frame = await raw.receive() {
                let reply = try Envelope(serializedBytes: frame)
                guard reply.operationID == old.operationID, case .error(let error) = reply.body else { continue }
                refused = error
                break
            }
            #expect(refused?.code == .unsupportedVersion)
            for body: Envelope.OneOf_Body in [
                .vaultRequest(.with { $0.request = .getSnapshot(GetSnapshot()) }), .policyRequest(PolicyRequest()),
                .agentRequest(.with { $0.request = .doctorCheck(DoctorCheck()) }),
            ] {
                let error = await #expect(throws: RemoteError.self) { try await running.client.call(body) }
                #expect(error?.code == .unimplemented)
            }
            let cycle = try #require(try await running.status()).newestCycle
            try await running.point(cycle + 1)
            try await running.stop()
        }
    }
}
