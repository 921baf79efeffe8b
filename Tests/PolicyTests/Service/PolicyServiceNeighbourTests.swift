import Eventually
import MessageBus
import Messages
import SwiftProtobuf
import Synchronization
import Testing

@testable import Policy

/// A vault that is slow or talks nonsense, and workers that say what cannot be.
@Suite(.timeLimit(.minutes(3))) struct PolicyServiceNeighbourTests {
    /// Stands before the scripted vault, and says something else while it is told to.
    private final class Door: Sendable {
        let nonsense: Mutex<Envelope.OneOf_Body?>
        let holds = Mutex(false)
        /// When the service gives up the call that is held, if one is.
        let heldUntil = Mutex<ContinuousClock.Instant?>(nil)
        let holdsSnapshots = Mutex(false)
        let asked = Mutex(0)

        init(_ nonsense: Envelope.OneOf_Body?) { self.nonsense = Mutex(nonsense) }

        func answer(_ request: IncomingRequest, before vault: FakeVault) async throws -> Envelope.OneOf_Body {
            asked.withLock { $0 += 1 }
            if let nonsense = nonsense.withLock({ $0 }) { return nonsense }
            if holds.withLock({ $0 }), case .vaultRequest(let wire) = request.body, case .changeState? = wire.request {
                heldUntil.withLock { $0 = request.deadline }
                // Sleeps because a vault that hangs answers nothing: longer than the service waits, and ends with the bus.
                try await Task.sleep(for: .seconds(60))
            }
            if holdsSnapshots.withLock({ $0 }), case .vaultRequest(let wire) = request.body,
                case .getSnapshot? = wire.request
            {
                // Sleeps because it hangs, too: longer than the service waits for one answer, and ends with the bus.
                try await Task.sleep(for: .seconds(60))
            }
            return try await vault.answer(request)
        }
    }

    static let nonsense: [Envelope.OneOf_Body] = [
        .vaultReply(.with { $0.reply = .done(Done()) }), .vaultReply(VaultReply()),
        .policyReply(.with { $0.reply = .done(PolicyDone()) }), .heartbeat(Heartbeat()),
    ]

    @Test(arguments: nonsense.indices)
    func `a vault that answers nonsense is asked again, and stops nobody meanwhile`(index: Int) async throws {
        try await ServiceBench.use { bench in
            let door = Door(Self.nonsense[index])
            let server = try await bench.bus.serve(at: "tcp://127.0.0.1:*") {
                try await door.answer($0, before: bench.vault)
            }
            let running = try await bench.start(vault: server.endpoint)
            _ = try await running.ask(.putPolicy(.with { $0.policy = ServiceBench.fast }))
            await bench.vault.protect(ServiceBench.protection)
            try await eventually("the vault was asked") { door.asked.withLock { $0 } > 0 }
            try await eventually("it says so") {
                try await running.client.health(deadline: .seconds(60)).details.contains { $0.contains("its registry") }
            }
            #expect(try await running.client.health(deadline: .seconds(60)).level == .warning)
            door.nonsense.withLock { $0 = nil }
            try await running.point(1)
            try await running.stop()
        }
    }

    @Test func `a vault that takes no change of state delays no cycle`() async throws {
        try await ServiceBench.use { bench in
            let door = Door(nil)
            door.holds.withLock { $0 = true }
            let server = try await bench.bus.serve(at: "tcp://127.0.0.1:*") {
                try await door.answer($0, before: bench.vault)
            }
            let running = try await bench.start(vault: server.endpoint)
            _ = try await running.ask(.putPolicy(.with { $0.policy = ServiceBench.fast }))
            await bench.vault.protect(ServiceBench.protection)
            // The service asks again when it has given up. That a point comes while one call hangs is seen sooner or later on
            // a machine of any speed; a service that waits for each call has none meanwhile.
            try await eventually("a point comes while a change of state hangs", within: .seconds(120)) {
                guard let end = door.heldUntil.withLock({ $0 }), end > .now else { return false }
                let before = try await running.status()?.newestCycle ?? 0
                try await running.point(before + 2)
                return door.heldUntil.withLock { $0 } == end && end > .now
            }
            #expect(bench.vault.stateOf(ServiceBench.protection) == .enabling)
            door.holds.withLock { $0 = false }
            try await eventually("the vault is told") { bench.vault.stateOf(ServiceBench.protection) == .protected }
            try await running.stop()
        }
    }

    @Test func `a vault that is slow to give the registry holds up no request and no cycle that is known`() async throws
    {
        try await ServiceBench.use { bench in
            let door = Door(nil)
            door.holdsSnapshots.withLock { $0 = true }
            let server = try await bench.bus.serve(at: "tcp://127.0.0.1:*") {
                try await door.answer($0, before: bench.vault)
            }
            // At the first start nothing is known, and the service says so, and answers.
            var running = try await bench.start(vault: server.endpoint)
            _ = try await running.ask(.putPolicy(.with { $0.policy = ServiceBench.fast }))
            await bench.vault.protect(ServiceBench.protection)
            try await eventually("the registry was asked for") { door.asked.withLock { $0 } > 0 }
            let health = try await running.client.health(deadline: .seconds(60))
            #expect(health.level == .warning && health.details.contains { $0.contains("vault") }, "\(health.details)")
            #expect(try await running.status() == nil)
            door.holdsSnapshots.withLock { $0 = false }
            try await running.point(1)
            try await running.stop()
            // At the next the stored copy holds, and cycles go on by it while the vault is slow again.
            door.holdsSnapshots.withLock { $0 = true }
            running = try await bench.start(vault: server.endpoint)
            let known = try #require(try await running.status()).newestCycle
            try await running.point(known + 2)
            try await running.stop()
        }
    }

    @Test func `numbers that cannot be change nothing and stop nothing`() async throws {
        try await ServiceBench.use { bench in
            bench.source.setChanged([900_000])
            let running = try await bench.startProtected()
            let worker = running.worker("boaster", slots: .max)
            let jobs = try await worker.pullJobs()
            #expect(jobs.count <= PolicyLimits.grantsPerPullMaximum)
            let job = try #require(jobs.first)
            for _ in 0..<3 {
                let reply = try await running.ask(
                    .reportJob(
                        .with {
                            $0.workerID = "boaster"
                            $0.job = job.job
                            $0.attempt = job.attempt
                            $0.readBytes = .max
                            $0.sentBytes = .max
                        }))
                guard case .directive(let directive) = reply else { return #expect(Bool(false)) }
                #expect(!directive.abandon)
            }
            _ = try await running.ask(.listWorkers(ListWorkers()))
            #expect(try await running.status() != nil)
            let unknown = await #expect(throws: RemoteError.self) {
                try await running.ask(
                    .finishJob(
                        .with {
                            $0.workerID = "boaster"
                            $0.job = "no such job"
                            $0.attempt = .max
                            $0.digest = job.cycleKey
                        }))
            }
            #expect(unknown?.code == .leaseLost)
            _ = try await running.ask(
                .finishJob(
                    .with {
                        $0.workerID = "boaster"
                        $0.job = job.job
                        $0.attempt = job.attempt
                        $0.digest = job.cycleKey
                        $0.changedBytes = .max
                        $0.sentBytes = .max
                        $0.records = .max
                        $0.cpuSeconds = .infinity
                    }))
            try await running.point(1)
            try await running.stop()
        }
    }
}
