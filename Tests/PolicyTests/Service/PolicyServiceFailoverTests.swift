import Eventually
import MessageBus
import Messages
import SwiftProtobuf
import Testing

@testable import Policy

/// The service alone over real ZeroMQ sockets, while a run takes a protection to the other side.
@Suite(.timeLimit(.minutes(3))) struct PolicyServiceFailoverTests {
    @Test func `a planned failover gets its last cycle, and replication goes on the other way`() async throws {
        try await ServiceBench.use { bench in
            let running = try await bench.startProtected()
            try await running.point(1)
            await bench.vault.step(ServiceBench.protection) {
                $0.state = .failingOver
                $0.run = "run-1"
            }
            let resting = try await eventually("cycles stand still") {
                guard let status = try await running.status(), !status.cycleOpen,
                    status.health.reason.contains("run-1")
                else { return nil as ProtectionStatus? }
                return status
            }
            #expect(resting.health.level == .normal)
            _ = try await running.ask(.triggerCycle(.with { $0.protection = ServiceBench.protection }))
            let last = try await running.point(resting.newestCycle + 1).newestCycle
            #expect(last == resting.newestCycle + 1)
            await bench.vault.step(ServiceBench.protection) {
                $0.generation = 2
                $0.activeSide = .target
                $0.failoverCycle = last
            }
            try await eventually("nothing is replicated while the target runs") {
                guard let status = try await running.status() else { return false }
                return status.health.level == .warning && status.health.reason.contains("beta")
            }
            let refusal = await #expect(throws: RemoteError.self) {
                try await running.ask(.triggerCycle(.with { $0.protection = ServiceBench.protection }))
            }
            #expect(refusal?.code == .failedPrecondition)
            bench.target.startReplica(from: last)
            bench.source.adopt(point: last)
            await bench.vault.step(ServiceBench.protection) {
                ($0.sourceHostID, $0.targetHostID) = ($0.targetHostID, $0.sourceHostID)
                ($0.sourceCloud, $0.targetCloud) = ($0.targetCloud, $0.sourceCloud)
                $0.direction = .reverse
                $0.state = .reversing
                $0.activeSide = .source
                $0.failoverCycle = 0
                $0.run = ""
            }
            let back = try await running.point(last + 1)
            #expect(back.policy == "fast")
            try await eventually("the vault is told") { bench.vault.stateOf(ServiceBench.protection) == .protected }
            try await running.stop()
            guard case .openCapture(let order)? = bench.target.log.first(where: { FakeAgent.name($0) == "OpenCapture" })
            else { throw RemoteError(.internal, "the new source was never asked") }
            #expect(order.kind == .incremental && order.parentCycle == last && order.cycle == last + 1)
            #expect(bench.source.count("OpenCycle") >= 1)
            #expect(bench.target.generations == [1, 2])
        }
    }
}
