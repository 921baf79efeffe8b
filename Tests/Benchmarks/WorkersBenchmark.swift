import Foundation
import LocalSites
import MessageBus
import Messages

/// `workers_speedup_2` and `workers_speedup_4`: one seeding of 2 GiB with 1, 2 and 4 workers, each allowed a share of
/// a core, so that the workers are what is scarce and the speed of two machines is not what is compared. With disk and
/// replica in memory the figures are called `…_in_memory`: what they have more than the others is what the disk bounds.
/// With programs and libraries on the disk they are called `…_of_programs`: workers pack those, which nobody else undoes
/// while seeding.
struct WorkersBenchmark {
    let stage: BenchStage
    var contents = BenchStage.Contents.random
    var inMemory = false
    /// Of each worker. Little enough that all of them together leave most of the machine to the other side.
    let cores: Double

    static let counts = [1, 2, 4]

    private struct Sample {
        var seconds: Double
        var cpu: [String: Double]
        var busyShare: Double
        var throttledShare: Double
    }

    func run(rounds: Int) async throws -> [Figure] {
        for name in ["worker-1", "worker-2"] { try await stage.sites.stop(name) }
        var samples: [Int: [Sample]] = [:]
        for round in 0..<rounds {
            // Forth and back, so that a slow minute does not always hit the same count.
            for count in round.isMultiple(of: 2) ? Self.counts : Self.counts.reversed() {
                let sample = try await seed(with: count)
                BenchLog.say(Self.line(count, sample))
                samples[count, default: []].append(sample)
            }
        }
        let alone = samples[1] ?? []
        return try Self.counts.dropFirst().map { count in
            let with = samples[count] ?? []
            try BenchStage.require(with.count == alone.count && !alone.isEmpty, "every count was measured as often")
            let last = with[with.count - 1]
            // A figure with another share is another figure.
            let suffix =
                (cores == 0.25 ? "" : "_at_\(cores)_cores") + (inMemory ? "_in_memory" : "")
                + (contents == .programs ? "_of_programs" : "")
            return Figure(
                "workers_speedup_\(count)\(suffix)", unit: "×", ours: zip(alone, with).map { $0.seconds / $1.seconds },
                atLeast: count == 2 ? 1.8 : 3.2,
                note: "against one worker, each \(cores) of a core; last round: \(Self.line(count, last))")
        }
    }

    private func seed(with count: Int) async throws -> Sample {
        let names = (1...count).map { "worker-\($0)" }
        var quotas: [CPUQuota] = []
        for name in names {
            try await stage.sites.start(name)
            quotas.append(
                try CPUQuota(
                    name: "bascule-bench-\(getpid())-\(name)", cores: cores,
                    process: try await stage.sites.process(name).processIdentifier))
        }
        let outcome: Result<Sample, any Error>
        do { outcome = .success(try await measure(names, quotas)) } catch { outcome = .failure(error) }
        for (name, quota) in zip(names, quotas) {
            try await stage.sites.stop(name)
            quota.remove()
        }
        return try outcome.get()
    }

    private func measure(_ names: [String], _ quotas: [CPUQuota]) async throws -> Sample {
        _ = try await eventually("\(names.count) workers ask for work", within: .seconds(60)) { () -> Bool? in
            guard case .workers(let list) = try await stage.client.policy.policy(.listWorkers(ListWorkers())) else {
                return nil
            }
            return list.workers.count { $0.state == .working } == names.count ? true : nil
        }
        let processes = names + ["secondary", "primary", "policy"]
        let before = try await cpuSeconds(of: processes)
        let machine = MachineUsage()
        let protection = try await stage.protectAndSeed()
        let busyShare = MachineUsage().busyShare(since: machine)
        let after = try await cpuSeconds(of: processes)
        let throttledShare = quotas.map { $0.throttledShare() }.reduce(0, +) / Double(quotas.count)
        let last = try await eventually("the first cycle is reported", within: .seconds(10)) {
            let last = try await stage.client.status(protection)?.last
            return last.flatMap { $0.cycle > 0 ? $0 : nil }
        }
        try BenchStage.require(last.changedBytes > 2_000_000_000, "2 GiB of \(contents.words) must have been read")
        try await stage.unprotect(protection)
        return Sample(
            seconds: Double(last.durationMs) / 1_000, cpu: after.merging(before) { $0 - $1 }, busyShare: busyShare,
            throttledShare: throttledShare)
    }

    private func cpuSeconds(of names: [String]) async throws -> [String: Double] {
        var seconds: [String: Double] = [:]
        for name in names {
            seconds[name] = try ProcessUsage(of: try await stage.sites.process(name).processIdentifier).cpuSeconds
        }
        return seconds
    }

    private static func line(_ count: Int, _ sample: Sample) -> String {
        let text = BenchReport.text
        let workers = sample.cpu.filter { $0.key.hasPrefix("worker") }.map(\.value).reduce(0, +)
        return "\(count) workers: due to committed \(text(sample.seconds)) s; processor: workers \(text(workers)) s, "
            + "target's agent \(text(sample.cpu["secondary"] ?? 0)) s, all cores \(text(sample.busyShare * 100)) % busy; "
            + "workers held back in \(text(sample.throttledShare * 100)) % of their periods"
    }
}
