import Foundation
import LocalSites
import Logging
import MessageBus
import Messages
import Synchronization

/// `jobs_per_second` and `due_to_pulled_ms`: the job board of one policy service, as a process, over real sockets. Its
/// workers move nothing: they pull, say that the job is finished, and pull again. They run in this process, each with a
/// connection of its own, and take their share of the same cores.
struct JobBoardBenchmark {
    static let counts = [1, 8, 64]
    private static let guests = ["big-1", "big-2", "big-3", "big-4"]
    /// Every region of both disks changed: 2,048 jobs for each guest.
    private static let everything = [UInt64](repeating: ScriptedHost.regionBytes, count: 1_024)
    /// One region: one job.
    private static let little = [65_536] + [UInt64](repeating: 0, count: 1_023)

    let scratch: String
    let triggers: Int

    func run(rounds: Int) async throws -> [Figure] {
        let root = "\(scratch)/bsc-board-\(getpid())"
        var options = LocalSites.Options(
            binaries: URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
                .deletingLastPathComponent().path, root: root)
        options.extraSettings["policy"] = ["jobsPerHost": "0", "jobsPerSitePair": "0"]
        options.logLevel = "warning"
        let sites = try LocalSites(options: options)
        let bus = MessageBus(name: "bench", logger: Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() })
        let outcome: Result<[Figure], any Error>
        do {
            for name in ["vault", "policy"] { try await sites.start(name) }
            outcome = .success(try await measure(sites, bus, rounds: rounds))
        } catch {
            print("--- policy\n\(sites.lastLines(of: "policy", count: 12))")
            outcome = .failure(error)
        }
        await bus.shutdown()
        await sites.stop()
        try FileManager.default.removeItem(atPath: root)
        return try outcome.get()
    }

    private func measure(_ sites: LocalSites, _ bus: MessageBus, rounds: Int) async throws -> [Figure] {
        let vault = try await bus.client(to: sites.vaultEndpoint)
        let policy = try await bus.client(to: sites.policyEndpoint)
        _ = try await vault.health(deadline: .seconds(30))
        _ = try await policy.health(deadline: .seconds(30))
        let changed = ScriptedHost.Changed(Self.little)
        let hosts = [
            try await ScriptedHost.start("near", guests: Self.guests, changed: changed, on: bus),
            try await ScriptedHost.start("far", guests: [], changed: changed, on: bus),
        ]
        for host in hosts { try await host.register(at: vault) }
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                while !Task.isCancelled {
                    // Sleeps because agents report by the clock, and a host is taken for silent after 15 s.
                    try await Task.sleep(for: .seconds(4))
                    for host in hosts { try await host.report(to: vault) }
                }
            }
            let ids = try await protect(vault, policy)
            var figures: [Figure] = []
            for count in Self.counts {
                let crew = try await WorkerCrew.start(count: count, policy: sites.policyEndpoint, bus: bus)
                do {
                    figures += try await measure(count, ids, changed, crew, policy, rounds: rounds)
                } catch {
                    await crew.stop()
                    throw error
                }
                await crew.stop()
            }
            group.cancelAll()
            return figures
        }
    }

    private func measure(
        _ count: Int, _ ids: [String], _ changed: ScriptedHost.Changed, _ crew: WorkerCrew, _ policy: RequestClient,
        rounds: Int
    ) async throws -> [Figure] {
        // The first cycle is over before anything is timed.
        changed.regions.withLock { $0 = Self.little }
        for id in ids { _ = try await cycle(of: id, policy, crew) }
        var delays: [Double] = []
        for turn in 0..<triggers { delays.append(try await cycle(of: ids[turn % ids.count], policy, crew)) }
        var together: [Double] = []
        while together.count < triggers { together += try await cyclesAtOnce(of: ids, policy, crew) }
        changed.regions.withLock { $0 = Self.everything }
        var rates: [Double] = []
        for _ in 0..<rounds {
            crew.forget()
            let before = try await newest(ids, policy)
            for id in ids { try await trigger(id, policy) }
            _ = try await eventually("every cycle is committed", within: .seconds(300)) { () -> Bool? in
                let now = try await newest(ids, policy)
                return zip(now, before).allSatisfy { $0 > $1 } ? true : nil
            }
            let seen = crew.span()
            try BenchStage.require(
                seen.jobs == ids.count * 2_048, "\(ids.count * 2_048) jobs must have been finished, not \(seen.jobs)")
            rates.append(Double(seen.jobs) / seen.seconds)
        }
        return [
            Figure(
                "jobs_per_second_\(count)", unit: "/s", ours: rates, atLeast: 1_000,
                note: "\(count) workers of two slots; first pulled to last finished; the aim is ours"),
            Figure(
                "due_to_pulled_ms_\(count)", unit: "ms", ours: delays, atMost: 250, of: .percentile99,
                note: "\(count) waiting workers, hosts that answer at once, one guest at a time; the aim is ours"),
            Figure(
                "due_to_pulled_ms_\(count)_at_once_\(ids.count)", unit: "ms", ours: together, atMost: 250,
                of: .percentile99, note: "the same, of \(ids.count) guests that are made due at once; the aim is ours"),
        ]
    }

    private func protect(_ vault: RequestClient, _ policy: RequestClient) async throws -> [String] {
        var put = PutPolicy()
        put.policy.name = "bench"
        put.policy.frequencySeconds = 3_600
        put.policy.retention.everyCycleSeconds = 3_600
        _ = try await policy.policy(.putPolicy(put))
        var pair = PairClouds()
        pair.pair.sourceCloud = "near-cloud"
        pair.pair.targetCloud = "far-cloud"
        pair.pair.policy = "bench"
        _ = try await vault.vault(.pairClouds(pair))
        var ids: [String] = []
        for guest in Self.guests {
            var request = Protect()
            request.guest = guest
            guard case .protection(let protection) = try await vault.vault(.protect(request)) else {
                throw LocalSitesError(.late, "the vault answered something else", remedy: "use one release")
            }
            ids.append(protection.id)
        }
        return ids
    }

    /// Makes a cycle due and gives the milliseconds until a worker has its job; returns when it is committed.
    private func cycle(of id: String, _ policy: RequestClient, _ crew: WorkerCrew) async throws -> Double {
        let before = try await newest([id], policy)[0]
        let isFirst = before == 0
        crew.forget()
        let due = ContinuousClock.now
        // The first cycle is due by itself.
        if !isFirst { try await trigger(id, policy) }
        _ = try await eventually("a cycle is committed", within: .seconds(60)) { () -> Bool? in
            try await newest([id], policy)[0] > before ? true : nil
        }
        if isFirst { return 0 }
        guard let pulled = crew.firstPulled(of: id) else {
            throw LocalSitesError(
                .late, "the cycle of \(id) was committed without a job", remedy: "nothing was reported")
        }
        return (pulled - due).inSeconds * 1_000
    }

    /// Makes a cycle of each due at the same time, and gives the milliseconds until a worker has each's job; returns when
    /// all are committed.
    private func cyclesAtOnce(of ids: [String], _ policy: RequestClient, _ crew: WorkerCrew) async throws -> [Double] {
        let before = try await newest(ids, policy)
        crew.forget()
        let due = ContinuousClock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            for id in ids { group.addTask { try await trigger(id, policy) } }
            try await group.waitForAll()
        }
        _ = try await eventually("the cycles are committed", within: .seconds(60)) { () -> Bool? in
            zip(try await newest(ids, policy), before).allSatisfy { $0 > $1 } ? true : nil
        }
        return try ids.map { id in
            guard let pulled = crew.firstPulled(of: id) else {
                throw LocalSitesError(
                    .late, "the cycle of \(id) was committed without a job", remedy: "nothing was reported")
            }
            return (pulled - due).inSeconds * 1_000
        }
    }

    private func trigger(_ id: String, _ policy: RequestClient) async throws {
        var trigger = TriggerCycle()
        trigger.protection = id
        // Until policy has the registry's newest word, it does not know the guest.
        _ = try await eventually("a cycle can be asked for", within: .seconds(30)) {
            do { return try await policy.policy(.triggerCycle(trigger)) } catch let error as RemoteError
                where error.code == .notFound || error.code == .failedPrecondition
            { return nil }
        }
    }

    private func newest(_ ids: [String], _ policy: RequestClient) async throws -> [UInt64] {
        guard case .statuses(let list) = try await policy.policy(.getStatus(GetStatus())) else { return [] }
        return ids.map { id in list.statuses.first { $0.protection == id }?.newestCycle ?? 0 }
    }
}
