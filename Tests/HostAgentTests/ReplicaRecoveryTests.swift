import BlockDevice
import FoundationEssentials
import Hypervisor
import Logging
import Messages
import Testing

@testable import HostAgent

/// Nothing is left but the target host.
@Suite(.serialized, .enabled(if: ViewPluginForTests.isThere, ViewPluginForTests.reason))
struct ReplicaRecoveryTests {
    private func recover<Result: Sendable>(
        _ site: AgentSite, _ body: @Sendable (ReplicaRecovery) async throws -> Result
    ) async throws -> Result {
        var settings = site.settings
        settings.nbdkitPlugin = ViewPluginForTests.path
        var logger = Logger(label: "recover")
        logger.logLevel = .critical
        return try await ReplicaRecovery.withReplicas(
            settings: settings, hypervisor: site.hypervisor, logger: logger, body)
    }

    @Test func aGuestIsStartedFromItsDirectoryAndTheNextAgentTellsTheVault() async throws {
        try await withTwoSites { sites in
            var held: [UInt8] = []
            try await sites.run(ending: .asAfterACrash) { source, target in
                try await source.cycle(1, .full, parent: 0, to: target)
                held = try await source.cycle(2, .incremental, parent: 1, to: target)
                _ = try await target.startReplica(1, .test, generation: 1)
                try await target.stopReplica(.test, verdict: .verified, generation: 1)
            }
            // The agent's state is gone as well.
            try FileManager.default.removeItem(atPath: "\(sites.target.directory)/state")
            let before = sites.target.vault.heard.registrations.count
            let protection = sites.target.protection
            let listed = try await recover(sites.target) { try await $0.list() }
            #expect(listed.map(\.protection) == [protection] && listed[0].newestCycle == 2 && listed[0].points == 2)
            let named = try await recover(sites.target) { recovery in
                try await recovery.cycle(named: "verified", in: listed[0])
            }
            #expect(named == 1)
            let verified = try await recover(sites.target) { try await $0.verify(protection) { _, _ in } }
            #expect(verified.faultCount == 0 && verified.checkedBytes > 0)
            #expect(listed[0].verifiedCycle == 1 && listed[0].verificationFault.isEmpty)
            let started = try await recover(sites.target) {
                try await $0.start(protection, cycle: nil, networks: [:])
            }
            #expect(started.cycle == 2 && started.generation == 2)
            #expect(sites.target.hypervisor.contents(of: sites.target.guest, "vda").contents == held)
            // Asked again it raises nothing, and another point is refused.
            let again = try await recover(sites.target) { try await $0.start(protection, cycle: nil, networks: [:]) }
            #expect(again.generation == 2 && again.cycle == 2)
            #expect(
                await refusal {
                    try await recover(sites.target) { try await $0.start(protection, cycle: 1, networks: [:]) }
                } == .conflict)
            // Stopped, it may be started from another one.
            let stopped = try await recover(sites.target) { try await $0.stop(protection) }
            #expect(stopped.cycle == 2 && stopped.generation == 2)
            #expect(!sites.target.hypervisor.isDefined(sites.target.guest))
            let older = try await recover(sites.target) { try await $0.start(protection, cycle: 1, networks: [:]) }
            #expect(older.cycle == 1 && older.generation == 2)
            _ = try await recover(sites.target) { try await $0.stop(protection) }
            _ = try await recover(sites.target) { try await $0.start(protection, cycle: 2, networks: [:]) }
            // Nobody was told by the command itself.
            #expect(sites.target.vault.heard.registrations.count == before)
            try FileManager.default.removeItem(atPath: "\(sites.target.directory)/state/agent.sqlite")
            try await sites.runTarget { target in
                #expect(target.views().count == 1)
                try await poll("the vault is told") {
                    sites.target.vault.heard.reports.last?.sides.contains {
                        $0.protection == protection && $0.generation == 2 && $0.active && $0.cycle == 2
                    } == true
                }
                try await target.stopReplica(.failover, generation: 2)
            }
        }
    }

    /// Started from a view, like any failover that was not planned: every point is still there to be chosen, and the vault
    /// learns which one it was.
    @Test func aGuestWhoseOwnDisksAreTheBaseIsStartedWithoutTouchingThem() async throws {
        try await withTwoSites { sites in
            let journey = Journey(sites: sites, crash: CrashAt(nil))
            try await journey.runToReplicatedBack()
            let before = try journey.contents(of: journey.image)
            let protection = sites.source.protection
            let started = try await recover(sites.source) {
                try await $0.start(protection, cycle: nil, networks: [:])
            }
            #expect(started.cycle == 3 && started.generation == 3)
            #expect(try journey.contents(of: journey.image) == before)
            try await sites.run { a, _ in
                #expect(try await a.points().map(\.cycle).last == 3)
                #expect(try await a.describe().runningCycle == 3)
                try await poll("the vault is told") {
                    sites.source.vault.heard.reports.last?.sides.contains {
                        $0.protection == protection && $0.generation == 3 && $0.active && $0.cycle == 3
                    } == true
                }
                try await a.stopReplica(.failover, generation: 3)
            }
        }
    }

    /// The generation that its source got back, in a failover that was cancelled, is never taken.
    @Test(arguments: ["released, and its side forgotten", "told by a cycle alone"])
    func aReplicaIsRecoveredAboveTheGenerationOfItsSource(before: String) async throws {
        try await withTwoSites { sites in
            let isReleased = before.hasPrefix("released")
            try await sites.run(ending: .asAfterACrash) { source, target in
                try await source.cycle(1, .full, parent: 0, to: target)
                try await target.setSide(active: true, generation: 2)
                if isReleased {
                    try await target.setSide(active: false, generation: 3)
                    try await target.releaseSource(generation: 3)
                } else {
                    try await target.abort(2, generation: 3)
                    let side = try await target.describeSide()
                    #expect(side.generation == 3 && !side.active)
                }
            }
            if isReleased { try FileManager.default.removeItem(atPath: "\(sites.target.directory)/state") }
            let protection = sites.target.protection
            let started = try await recover(sites.target) {
                try await $0.start(protection, cycle: nil, networks: [:])
            }
            #expect(started.generation == 4 && started.cycle == 1)
            let again = try await recover(sites.target) { try await $0.start(protection, cycle: nil, networks: [:]) }
            #expect(again.generation == 4)
            _ = try await recover(sites.target) { try await $0.stop(protection) }
        }
    }

    @Test func anAgentThatRunsIsAsked() async throws {
        try await withTwoSites { sites in
            try await sites.run { source, target in
                try await source.cycle(1, .full, parent: 0, to: target)
                var site = target.settings
                site.listen = target.agent.endpoint
                var logger = Logger(label: "recover")
                logger.logLevel = .critical
                let settings = site
                let protection = target.protection
                let started = try await ReplicaRecovery.withReplicas(
                    settings: settings, hypervisor: sites.target.hypervisor, logger: logger
                ) { try await $0.start(protection, cycle: 1, networks: [:]) }
                #expect(started.generation == 2 && started.cycle == 1)
                #expect(try await target.describeSide().failover.cycle == 1)
                try await target.stopReplica(.failover, generation: 2)
            }
        }
    }

    @Test func aReplicaThatCannotBeOpenedKeepsNobodyFromTheOthers() async throws {
        try await withTwoSites { sites in
            try await sites.run(ending: .asAfterACrash) { source, target in
                try await source.cycle(1, .full, parent: 0, to: target)
            }
            let protection = sites.target.protection
            let bad = "00000000-0000-4000-8000-000000000001"
            let replicas = sites.target.settings.replicas
            try FileManager.default.copyItem(atPath: "\(replicas)/\(protection)", toPath: "\(replicas)/\(bad)")
            try Data(repeating: 7, count: 64).write(to: URL(filePath: "\(replicas)/\(bad)/manifest"))
            let listed = try await recover(sites.target) { try await $0.list() }
            #expect(listed.map(\.protection) == [bad, protection] && listed[1].fault.isEmpty && listed[1].points == 1)
            #expect(listed[0].fault.contains("\(replicas)/\(bad)") && listed[0].guestName.isEmpty)
            for name in ["guest", protection.uppercased()] {
                let found = try await recover(sites.target) { try await $0.replica(named: name) }
                #expect(found.protection == protection)
            }
            #expect(
                await refusal { try await recover(sites.target) { try await $0.replica(named: bad) } } == .corruptData)
            #expect(await refusal { try await recover(sites.target) { try await $0.replica(named: "x") } } == .notFound)
        }
    }

    @Test func twoAgentsDoNotShareAState() async throws {
        try await withAgentSite { site in
            try await site.withAgent { agent in
                var logger = Logger(label: "agent")
                logger.logLevel = .critical
                await #expect(throws: HostAgentError.self) {
                    _ = try await HostAgentService.start(
                        settings: agent.settings, hypervisor: site.hypervisor, logger: logger)
                }
            }
        }
    }
}
