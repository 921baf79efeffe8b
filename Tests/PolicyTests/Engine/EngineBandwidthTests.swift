import Testing

@testable import Policy

/// Which limits a guest's jobs are under, as registry and policies change around an open cycle.
@Suite final class EngineBandwidthTests {
    var engine = PolicyEngine(stored: StoredState(), seed: 1, now: Samples.start)
    let now = Samples.start
    static let pair = PairEntry.Key(sourceCloud: "a", targetCloud: "b")

    init() {
        let limits: [(String, UInt64)] = [("pair", 100_000), ("free", 0), ("slow", 10_000), ("small", 3_000)]
        for (name, limit) in limits {
            var settings = Samples.settings(name)
            settings.bandwidthBytesPerSecond = limit
            engine.setPolicy(settings, now: now)
        }
        let hosts = ["h1", "h2"].map { HostEntry(id: $0, name: $0, controlEndpoint: $0) }
        engine.handle(
            .registryTaken(
                RegistrySnapshot(
                    position: RegistryPosition(epoch: [1], number: 1), hosts: hosts,
                    pairs: [PairEntry(key: Self.pair, policy: "pair")], protections: [])), now: now)
    }

    /// Opens the guest's first cycle and lets a worker have its one job.
    func grant(override: String) throws -> JobGrant {
        var entry = Samples.entry()
        entry.policyOverride = override
        engine.handle(.registryChanged(.protection(entry)), now: now)
        for answer in [AgentAnswer.captureOpened(Samples.capture(1)), .cycleOpened(Samples.door)] {
            for case .callAgent(let order) in engine.settle(now: now).actions {
                engine.handle(.agentAnswered(order.protection, order.number, .success(answer)), now: now)
            }
        }
        let pull = ServiceRequest.pull(Samples.worker("w"), freeSlots: 1, waitMilliseconds: 20_000)
        engine.handle(.asked(RequestToken(value: 1), pull), now: now)
        for case .answer(_, .success(.grants(let grants))) in engine.settle(now: now).actions {
            return try #require(grants.first)
        }
        throw PolicyError(.internal, "no job was granted")
    }

    func told(_ grant: JobGrant) -> JobBoard.Directive {
        engine.board.report(
            JobBoard.Report(worker: "w", job: grant.job, attempt: grant.attempt), readBytes: 1, sentBytes: 1, now: now)
    }

    @Test func `a guest with a policy of its own stays under its pair's limit, whatever becomes of either`() throws {
        let grant = try grant(override: "free")
        #expect(grant.bandwidthBytesPerSecond == 100_000, "its own policy has no limit, its pair's has")
        engine.handle(.registryChanged(.pair(PairEntry(key: Self.pair, policy: "slow"))), now: now)
        #expect(told(grant) == .goOn(bandwidthBytesPerSecond: 10_000), "the pair came under another policy")
        var slow = try #require(engine.policies["slow"])
        slow.bandwidthBytesPerSecond = 7_000
        engine.setPolicy(slow, now: now)
        #expect(told(grant) == .goOn(bandwidthBytesPerSecond: 7_000), "that policy was changed")
        var entry = try #require(engine.registry.protections[Samples.protection])
        entry.policyOverride = "small"
        entry.version += 1
        engine.handle(.registryChanged(.protection(entry)), now: now)
        #expect(told(grant) == .goOn(bandwidthBytesPerSecond: 3_000), "the guest was given another policy")
        engine.handle(.registryChanged(.pairRemoved(Self.pair)), now: now)
        #expect(told(grant) == .goOn(bandwidthBytesPerSecond: 3_000), "without its pair its own limit holds")
    }
}
