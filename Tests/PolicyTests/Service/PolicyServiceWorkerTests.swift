import Eventually
import MessageBus
import Messages
import SwiftProtobuf
import Testing

@testable import Policy

/// Workers that come, go, are drained and share a link, over real sockets.
@Suite(.timeLimit(.minutes(3))) struct PolicyServiceWorkerTests {
    private static func workers(_ reply: PolicyReply.OneOf_Reply) throws -> [WorkerStatus] {
        guard case .workers(let list) = reply else { throw NeverHappened(description: "another answer than workers") }
        return list.workers
    }

    @Test func `a drained worker finishes, gets nothing, also after a restart, and works again when resumed`()
        async throws
    {
        try await ServiceBench.use { bench in
            bench.source.setChanged([900_000])
            var running = try await bench.startProtected()
            var worker = running.worker("one")
            let job = try #require(try await worker.pullJobs().first)
            var list = try Self.workers(try await running.ask(.drainWorker(.with { $0.name = "one" })))
            #expect(list.map(\.state) == [.draining])
            #expect(list.first?.running.map(\.job) == [job.job] && list.first?.running.first?.guest == "web")
            #expect(try await !worker.report(job).abandon, "it finishes what it has")
            try await worker.finish(job)
            try await running.point(1)
            #expect(try await worker.pull(waitMilliseconds: 1_500).isEmpty)
            list = try Self.workers(try await running.ask(.listWorkers(ListWorkers())))
            #expect(list.map(\.state) == [.drained] && list.first?.lastSeenAgeMs ?? -1 >= 0)
            try await running.stop()

            running = try await bench.start()
            list = try Self.workers(try await running.ask(.listWorkers(ListWorkers())))
            #expect(list.map(\.state) == [.drained] && list.first?.lastSeenAgeMs == -1)
            worker = running.worker("one")
            #expect(try await worker.pull(waitMilliseconds: 1_500).isEmpty)
            try await eventually("it says why nothing moves") {
                guard let health = try await running.status()?.health else { return false }
                return health.level == .critical && health.remedy.contains("bascule workers resume")
            }
            _ = try await running.ask(.resumeWorker(.with { $0.name = "one" }))
            for job in try await worker.pullJobs() { try await worker.finish(job) }
            try await running.stop()
        }
    }

    @Test func `draining and resuming need a name that somebody has`() async throws {
        try await ServiceBench.use { bench in
            let running = try await bench.start()
            for (request, code) in [
                (.drainWorker(.with { $0.name = "nobody" }), .notFound),
                (.drainWorker(DrainWorker()), .invalidArgument),
                (.resumeWorker(.with { $0.name = "nobody" }), .notFound),
                (.resumeWorker(ResumeWorker()), .invalidArgument), (.leaveBoard(LeaveBoard()), .invalidArgument),
            ] as [(PolicyRequest.OneOf_Request, ErrorCode)] {
                let error = await #expect(throws: RemoteError.self) { try await running.ask(request) }
                #expect(error?.code == code, "\(request)")
            }
            try await running.stop()
        }
    }

    @Test func `a worker that leaves is answered at once, and its job goes on with another`() async throws {
        try await ServiceBench.use { bench in
            bench.source.setChanged([900_000])
            let running = try await bench.startProtected()
            let leaving = running.worker("leaving")
            let job = try #require(try await leaving.pullJobs().first)
            let started = ContinuousClock.now
            async let waiting = leaving.pull(waitMilliseconds: 20_000)
            try await eventually("its second pull waits") {
                try await Self.workers(running.ask(.listWorkers(ListWorkers()))).first?.slots == 3
            }
            _ = try await running.ask(.leaveBoard(.with { $0.workerID = "leaving" }))
            #expect(try await waiting.isEmpty)
            #expect(ContinuousClock.now - started < .seconds(19))
            let list = try Self.workers(try await running.ask(.listWorkers(ListWorkers())))
            #expect(list.map(\.state) == [.draining])
            _ = try await running.ask(
                .failJob(
                    .with {
                        $0.workerID = "leaving"
                        $0.job = job.job
                        $0.attempt = job.attempt
                        $0.error = .with {
                            $0.code = .unavailable
                            $0.message = "The worker stops."
                        }
                        $0.givenBack = true
                    }))
            let other = running.worker("other")
            let again = try #require(try await other.pullJobs().first)
            #expect(again.job == job.job && again.attempt == job.attempt + 1)
            try await other.finish(again)
            try await running.point(1)
            #expect(try #require(try await running.status()).failuresInARow == 0)
            try await running.stop()
        }
    }

    @Test func `a schedule is stored, served, and shared by the workers of a pair`() async throws {
        try await ServiceBench.use { bench in
            bench.source.setChanged(Array(repeating: 1 << 20, count: 600))
            let running = try await bench.start()
            var policy = ServiceBench.fast
            policy.bandwidthBytesPerSecond = 9_000_000
            // Now and always, so that the test does not depend on the hour.
            policy.bandwidthSchedule = [
                .with {
                    $0.weekdays = 127
                    $0.toMinute = 1_440
                    $0.bytesPerSecond = 4_000_000
                }
            ]
            policy.timeZone = "Europe/Berlin"
            guard case .policy(let stored) = try await running.ask(.putPolicy(.with { $0.policy = policy })) else {
                return #expect(Bool(false))
            }
            #expect(stored.bandwidthSchedule == policy.bandwidthSchedule && stored.timeZone == "Europe/Berlin")
            await bench.vault.protect(ServiceBench.protection)
            let one = running.worker("one", slots: 1)
            let two = running.worker("two", slots: 1)
            let first = try #require(try await one.pullJobs().first)
            #expect(first.bandwidthBytesPerSecond == 4_000_000)
            let second = try #require(try await two.pullJobs().first)
            #expect(second.bandwidthBytesPerSecond == 2_000_000)
            #expect(try await one.report(first).bandwidthBytesPerSecond == 2_000_000)
            policy.bandwidthSchedule[0].bytesPerSecond = 1_000_000
            _ = try await running.ask(.putPolicy(.with { $0.policy = policy }))
            #expect(try await two.report(second).bandwidthBytesPerSecond == 500_000)
            policy.timeZone = "Middle-earth/Bree"
            let error = await #expect(throws: RemoteError.self) {
                try await running.ask(.putPolicy(.with { $0.policy = policy }))
            }
            #expect(error?.code == .invalidArgument)
            try await running.stop()
            let again = try await bench.start()
            guard case .policies(let list) = try await again.ask(.listPolicies(ListPolicies())) else {
                return #expect(Bool(false))
            }
            let kept = try #require(list.policies.first { $0.name == "fast" })
            #expect(kept.bandwidthSchedule.map(\.bytesPerSecond) == [1_000_000] && kept.timeZone == "Europe/Berlin")
            try await again.stop()
        }
    }

    @Test(arguments: [JobLimits(perHost: 2, perSitePair: 0), JobLimits(perHost: 0, perSitePair: 2)])
    func `no more jobs run at once than the settings allow, however many slots ask`(limits: JobLimits) async throws {
        try await ServiceBench.use { bench in
            bench.source.setChanged(Array(repeating: 1 << 20, count: 600))
            let running = try await bench.startProtected(jobLimits: limits)
            let worker = running.worker("one", slots: 8)
            var jobs = try await worker.pullJobs()
            #expect(jobs.count == 2, "600 MiB are more than two jobs, and the worker has eight slots")
            #expect(try await worker.pull(waitMilliseconds: 1_200).isEmpty)
            try await worker.finish(jobs.removeFirst())
            jobs += try await worker.pullJobs()
            #expect(jobs.count == 2, "one that ended makes room for one")
            for job in jobs { try await worker.finish(job) }
            try await running.stop()
        }
    }

    @Test func `a worker's rate is what it says that it sent, over the last seconds`() async throws {
        try await ServiceBench.use { bench in
            bench.source.setChanged(Array(repeating: 1 << 20, count: 600))
            let running = try await bench.startProtected()
            let worker = running.worker("one", slots: 1)
            let job = try #require(try await worker.pullJobs().first)
            let begun = ContinuousClock.now
            try await worker.report(job, bytes: 8 << 20)
            // A sleep, because a rate is over time.
            try await Task.sleep(for: .seconds(2))
            try await worker.report(job, bytes: 40 << 20)
            let seen = try #require(try Self.workers(try await running.ask(.listWorkers(ListWorkers()))).first)
            let seconds = (ContinuousClock.now - begun) / .seconds(1)
            // 40 MiB since a second before the first report, by the service's clock, which was read a little later and earlier
            // than ours, and counts whole milliseconds.
            let rate = Double(seen.rateBytesPerSecond)
            // After eight seconds the first report is too old to count, and the rate is that of what is left.
            if seconds < 7.5 {
                #expect(
                    rate >= Double(40 << 20) / (seconds + 1.002) && rate <= Double(40 << 20) / 2.95,
                    "\(rate) in \(seconds) s")
            } else {
                #expect(rate > 0, "\(rate) in \(seconds) s")
            }
            #expect(seen.running.first?.rateBytesPerSecond ?? 0 > 0)
            try await worker.finish(job)
            try await running.stop()
        }
    }
}
