import Eventually
import MessageBus
import Messages
import SwiftProtobuf
import Testing

@testable import Policy

/// The service alone over real ZeroMQ sockets: the ordinary dialogs.
@Suite(.timeLimit(.minutes(3))) struct PolicyServiceTests {
    @Test func `a new protection is seeded, then copied every second, and says so`() async throws {
        try await ServiceBench.use { bench in
            bench.source.setChanged([900_000, 0, 5, 0])
            let begun = ContinuousClock.now
            let running = try await bench.startProtected()
            let worker = running.worker()
            let working = Task { await worker.work() }
            let status = try await running.point(3)
            #expect(status.health.level == .normal)
            #expect(status.policy == "fast")
            #expect(status.last.changedBytes == 900_005)
            #expect(status.last.sentBytes == 4_096)
            #expect(
                status.newestPointAgeMs >= 0 && .milliseconds(status.newestPointAgeMs) <= ContinuousClock.now - begun)
            try await eventually("the vault is told") { bench.vault.stateOf(ServiceBench.protection) == .protected }
            #expect(bench.vault.asked == [.seeding, .protected])
            #expect(bench.source.generations == [1])
            guard case .history(let history) = try await running.ask(.getHistory(.with { $0.protection = "web" }))
            else { return #expect(Bool(false)) }
            #expect(history.cycles.last?.kind == .full && history.cycles.last?.reason == "First replication")
            #expect(history.cycles.first?.kind == .incremental)
            #expect(history.cycles.first?.committedUnixMs ?? 0 > 0)
            working.cancel()
            await working.value
            try await running.stop()
        }
    }

    @Test func `an idle cycle is four round trips and no job`() async throws {
        try await ServiceBench.use { bench in
            let running = try await bench.startProtected()
            try await running.point(3)
            try await running.stop()
            // A cycle that takes long is kept open by a question more.
            let names = Set(bench.source.names + bench.target.names).subtracting(["KeepCapture"])
            #expect(names == ["OpenCapture", "CloseCommitted", "OpenCycle", "CommitCycle"])
            #expect(bench.target.count("OpenCycle") <= bench.source.count("OpenCapture"))
            #expect(bench.source.checkpoints.count <= 2)
        }
    }

    @Test func `pausing stops, resuming goes on, and a trigger does not wait`() async throws {
        try await ServiceBench.use { bench in
            let running = try await bench.startProtected()
            try await running.point(1)
            await bench.vault.change(ServiceBench.protection, to: .paused)
            try await eventually("it rests") {
                guard let status = try await running.status() else { return false }
                return !status.cycleOpen && status.health.reason.contains("Paused: an operator")
            }
            let rested = try #require(try await running.status()).protectionVersion
            #expect(
                rested == bench.vault.versionOf(ServiceBench.protection), "by this a client knows that it was heard")
            let refusal = await #expect(throws: RemoteError.self) {
                try await running.ask(.triggerCycle(.with { $0.protection = "web" }))
            }
            #expect(refusal?.code == .failedPrecondition)
            let before = try #require(try await running.status()).newestCycle
            var slow = ServiceBench.fast
            slow.frequencySeconds = 3_600
            _ = try await running.ask(.putPolicy(.with { $0.policy = slow }))
            await bench.vault.change(ServiceBench.protection, to: .protected)
            try await running.point(before + 1)
            _ = try await running.ask(
                .triggerCycle(
                    .with {
                        $0.protection = "web"
                        $0.consistency = .application
                    }))
            // On a busy machine a cycle of the earlier frequency may still be under way; the trigger's is the next.
            try await eventually("the point that was asked for") {
                try await running.status()?.last.consistency == .application
            }
            try await running.stop()
        }
    }

    @Test func `an operator's resync compares the whole disk`() async throws {
        try await ServiceBench.use { bench in
            let running = try await bench.startProtected()
            try await running.point(1)
            await bench.vault.change(ServiceBench.protection, to: .resynchronizing, reason: "ann is not sure")
            let worker = running.worker()
            let jobs = try await worker.pullJobs()
            try await running.makePointsLateAfterMinutes()
            #expect(jobs.allSatisfy { $0.kind == .compare })
            #expect(jobs.reduce(0) { $0 + $1.length } == 4 << 20)
            let status = try #require(try await running.status())
            #expect(status.health.reason.contains("ann is not sure"))
            for job in jobs { try await worker.finish(job) }
            try await running.point(jobs[0].cycle)
            try await eventually("the vault is told") { bench.vault.stateOf(ServiceBench.protection) == .protected }
            try await running.stop()
        }
    }

    @Test func `a lost bitmap leads to a resync by itself, with the reason`() async throws {
        try await ServiceBench.use { bench in
            let running = try await bench.startProtected()
            try await running.point(1)
            bench.source.loseCheckpoints()
            let worker = running.worker()
            let jobs = try await worker.pullJobs()
            try await running.makePointsLateAfterMinutes()
            #expect(jobs.first?.kind == .compare)
            let why = "The bitmap is inconsistent."
            try await eventually("the vault is told why") {
                bench.vault.told.contains { $0.state == .resynchronizing && $0.reason.contains(why) }
            }
            let status = try #require(try await running.status())
            #expect(status.health.level == .warning && status.health.reason.contains(why))
            for job in jobs { try await worker.finish(job) }
            _ = try await running.ask(.putPolicy(.with { $0.policy = ServiceBench.fast }))
            try await running.point(jobs[0].cycle + 1)
            try await eventually("it is well") { try await running.status()?.health.level == .normal }
            let history = try await running.history()
            let compared = try #require(history.first { $0.cycle == jobs[0].cycle })
            #expect(compared.kind == .compare && compared.reason.contains(why) && !compared.hasError)
            // It is not compared again.
            #expect(history.filter { $0.cycle > compared.cycle }.allSatisfy { $0.kind == .incremental })
            try await running.stop()
        }
    }

    @Test func `unprotecting cleans both hosts and then confirms`() async throws {
        try await ServiceBench.use { bench in
            let running = try await bench.startProtected()
            try await running.point(1)
            await bench.vault.change(ServiceBench.protection, to: .disabling)
            try await eventually("confirmed") { bench.vault.confirmed == [ServiceBench.protection] }
            #expect(bench.source.count("ReleaseSource") == 1)
            #expect(bench.target.count("DeleteReplica") == 1)
            #expect(bench.source.checkpoints.isEmpty && bench.source.isAtRest && bench.target.isAtRest)
            try await eventually("it is gone") { try await running.status() == nil }
            try await running.stop()
            let again = try await bench.start()
            #expect(try await again.status() == nil)
            try await again.stop()
        }
    }

    @Test func `policies are served, and what cannot work is refused`() async throws {
        try await ServiceBench.use { bench in
            let running = try await bench.startProtected()
            guard case .policies(let list) = try await running.ask(.listPolicies(ListPolicies())) else {
                return #expect(Bool(false))
            }
            #expect(list.policies.map(\.name) == ["default", "fast"])
            let standard = try #require(list.policies.first)
            #expect(standard.frequencySeconds == 30 && standard.compression == .automatic)
            #expect(standard.retention.hourlySeconds == 86_400)
            var zero = ServiceBench.fast
            zero.frequencySeconds = 0
            let refusals: [(PolicyRequest.OneOf_Request, ErrorCode)] = [
                (.putPolicy(.with { $0.policy = zero }), .invalidArgument),
                (.putPolicy(PutPolicy()), .invalidArgument),
                (
                    .putPolicy(
                        .with {
                            $0.policy = ServiceBench.fast
                            $0.expectedVersion = 77
                        }), .conflict
                ),
                (.deletePolicy(.with { $0.name = "fast" }), .failedPrecondition),
                (.deletePolicy(.with { $0.name = "none" }), .notFound),
                (.getStatus(.with { $0.protection = "nobody" }), .notFound),
                (.getHistory(GetHistory()), .invalidArgument),
                (.triggerCycle(.with { $0.protection = "nobody" }), .notFound),
                (.pullJobs(PullJobs()), .invalidArgument),
                (.reportJob(ReportJob()), .invalidArgument),
                (.finishJob(FinishJob()), .invalidArgument),
            ]
            try await eventually("its registry is known, so that the policy is in use") {
                try await running.status() != nil
            }
            for (request, code) in refusals {
                let error = await #expect(throws: RemoteError.self) { try await running.ask(request) }
                #expect(error?.code == code, "\(request): \(String(describing: error))")
                #expect(error?.message.isEmpty == false)
            }
            let health = try await running.client.health(deadline: .seconds(60))
            #expect(health.service == "policy")
            try await running.stop()
        }
    }

    @Test func `a pull without work is answered with none`() async throws {
        try await ServiceBench.use { bench in
            let running = try await bench.start()
            #expect(try await running.worker().pull(waitMilliseconds: 1).isEmpty)
            guard case .workers(let list) = try await running.ask(.listWorkers(ListWorkers())) else {
                return #expect(Bool(false))
            }
            #expect(list.workers.map(\.description_p.name) == ["worker-1"])
            try await running.stop()
        }
    }

    @Test func `an unknown policy on a pair is critical, with the remedy`() async throws {
        try await ServiceBench.use { bench in
            let running = try await bench.start()
            await bench.vault.protect(ServiceBench.protection)
            let status = try await eventually("a status") { try await running.status() }
            #expect(status.health.level == .critical)
            #expect(status.health.remedy.contains("bascule policy set fast,"))
            _ = try await running.ask(.putPolicy(.with { $0.policy = ServiceBench.fast }))
            try await running.point(1)
            try await running.stop()
        }
    }
}
