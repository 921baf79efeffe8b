import Foundation
import Hypervisor
import MessageBus
import Messages
import ServiceRuntime
import Testing

@testable import HostAgent

/// Which side this host is on: by commands, by duties, across restarts.
@Suite(.serialized) struct AgentSideTests {
    @Test func aSideThatIsNotActiveRefusesCapturesAndStarts() async throws {
        try await withAgentSite { site in
            try await site.withAgent { agent in
                try await agent.cycle(1, .full, parent: 0)
                try await agent.setSide(active: false, generation: 2)
                #expect(
                    await refusal { try await agent.capture(2, .incremental, parent: 1, generation: 2) }
                        == .failedPrecondition)
                #expect(
                    await refusal { try await agent.capture(2, .incremental, parent: 1, generation: 1) }
                        == .staleGeneration)
                #expect(await refusal { try await agent.startGuest(generation: 2) } == .failedPrecondition)
                #expect(await refusal { try await agent.startGuest(generation: 1) } == .staleGeneration)
                #expect(await refusal { try await agent.setSide(active: true, generation: 1) } == .staleGeneration)
                #expect(await refusal { try await agent.setSide(active: true, generation: 2) } == .conflict)
                #expect(await refusal { try await agent.setSide(active: true, generation: 0) } == .invalidArgument)
                try await agent.setSide(active: true, generation: 3)
                _ = try await agent.capture(2, .incremental, parent: 1, generation: 3)
                try await agent.close(2, committed: false, keep: 1, generation: 3)
            }
        }
    }

    @Test func autostartIsSwitchedOffAndGivenBack() async throws {
        try await withAgentSite { site in
            _ = try await site.hypervisor.setAutostart(site.guest, true)
            try await site.withAgent { agent in
                try await agent.setSide(active: false, generation: 2)
                #expect(!agent.hypervisor.startsWithHost(agent.guest))
            }
            try await site.withAgent { agent in
                try await agent.setSide(active: true, generation: 3)
                #expect(agent.hypervisor.startsWithHost(agent.guest))
            }
        }
    }

    @Test func aGuestThatRunsIsLeftAloneAndToldOf() async throws {
        try await withAgentSite { site in
            try await site.withAgent { agent in
                try await agent.setSide(active: false, generation: 2, fence: .alarm)
                #expect(try await agent.power() == .running)
                #expect(agent.hypervisor.hasLinks(agent.guest))
                let side = try await agent.describeSide()
                #expect(!side.active && side.generation == 2 && side.power == .running && !side.alarm.isEmpty)
                // The agent itself is well: who watches over its process must not end it, and its guests, for this.
                try await poll("health tells it") {
                    try await agent.client.health(deadline: .seconds(60)).details.contains(side.alarm)
                }
                #expect(try await agent.client.health(deadline: .seconds(60)).level == .warning)
                let probe = await HealthProbe.ask(at: agent.agent.endpoint)
                #expect(probe.isWell && probe.sentence.contains(side.alarm), "\(probe.sentence)")
                _ = try await agent.stopGuest(generation: 2)
                #expect(try await agent.describeSide().alarm.isEmpty)
                try await poll("health is well again") {
                    try await agent.client.health(deadline: .seconds(60)).level == .normal
                }
            }
        }
    }

    @Test func whatMakesTheAgentIllIsCriticalBesideAnAlarm() async throws {
        try await withAgentSite { site in
            try await site.withAgent { agent in
                try await agent.setSide(active: false, generation: 2, fence: .alarm)
                let alarm = try await agent.describeSide().alarm
                try await poll("health tells it") {
                    try await agent.client.health(deadline: .seconds(60)).details.contains(alarm)
                }
                site.vault.takeOver(1)
                try await poll("and that another agent is this host") {
                    let health = try await agent.client.health(deadline: .seconds(60))
                    return health.level == .critical && health.details.contains(alarm)
                }
            }
        }
    }

    @Test func aGuestThatRunsIsDisconnectedAtEveryStart() async throws {
        try await withAgentSite { site in
            try await site.withAgent { agent in
                try await agent.setSide(active: false, generation: 2, fence: .disconnect)
                #expect(!agent.hypervisor.hasLinks(agent.guest))
                try await agent.hypervisor.destroy(guest: agent.guest)
                try await agent.hypervisor.start(guest: agent.guest)
                try await agent.hypervisor.setLinks(of: agent.guest, up: true)
                try await poll("links are cut") { !agent.hypervisor.hasLinks(agent.guest) }
                try await agent.setSide(active: true, generation: 3)
                #expect(agent.hypervisor.hasLinks(agent.guest))
            }
        }
    }

    @Test func aGuestThatRunsIsShutDownAndEndedWhenItDoesNotListen() async throws {
        try await withAgentSite { site in
            try await site.withAgent { agent in
                agent.hypervisor.setHearsPowerButton(false, of: agent.guest)
                try await agent.setSide(active: false, generation: 2, fence: .shutDown)
                try await poll("the guest is off") { try await agent.power() == .shutOff }
                // Whoever starts it again does so in vain.
                try await agent.hypervisor.start(guest: agent.guest)
                try await poll("the guest is off again") { try await agent.power() == .shutOff }
            }
        }
    }

    /// The disaster: the site comes back, its agent knows only the old side, and its guest runs.
    @Test func anAgentThatWasAwayLearnsItsSideWithinOneReport() async throws {
        try await withAgentSite { site in
            try await site.withAgent { agent in try await agent.setSide(active: true, generation: 1) }
            site.vault.tell([duty(site, generation: 2, active: false, fence: .shutDown)])
            try await site.withAgent { agent in
                try await poll("the guest is off") { try await agent.power() == .shutOff }
                let side = try await agent.describeSide()
                #expect(side.generation == 2 && !side.active)
                try await poll("the vault is told") {
                    site.vault.heard.reports.last?.sides.contains {
                        $0.protection == site.protection && $0.generation == 2 && !$0.active
                    } == true
                }
            }
        }
    }

    @Test func theLastKnownSideHoldsAfterARestartWithoutTheVault() async throws {
        try await withAgentSite { site in
            try await site.withAgent { agent in
                try await agent.setSide(active: false, generation: 2, fence: .shutDown)
                try await poll("the guest is off") { try await agent.power() == .shutOff }
            }
            await site.vault.stop()
            try await site.hypervisor.start(guest: site.guest)
            try await site.withAgent { agent in
                try await poll("the guest is off") { try await agent.power() == .shutOff }
            }
        }
    }

    /// “No replica” sends whoever decides about a failover elsewhere; one that is there and damaged can be mended.
    @Test func aReplicaThatCannotBeOpenedIsNotCalledMissing() async throws {
        try await withAgentSite { site in
            var manifest = ""
            try await site.withAgent { agent in
                try await agent.cycle(1, .full, parent: 0)
                #expect(try await agent.describeSide().hasReplica_p)
                manifest = "\(agent.replicaDirectory)/manifest"
            }
            let whole = try Data(contentsOf: URL(fileURLWithPath: manifest))
            try whole.prefix(20).write(to: URL(fileURLWithPath: manifest))
            try await site.withAgent { agent in
                #expect(await refusal { try await agent.describeSide() } == .corruptData)
            }
            try whole.write(to: URL(fileURLWithPath: manifest))
            // Asked before anything else is: it may not have been opened yet.
            try await site.withAgent { agent in
                let side = try await agent.describeSide()
                #expect(side.hasReplica_p)
            }
        }
    }

    /// Another protection's damaged replica on the host keeps no guest from going over. What an earlier direction left of
    /// this protection does, because the guest could not be started again nor its disks adopted: so it is refused while
    /// nothing has been done, and the guest runs on.
    @Test func asTheSourceAHostIsDescribedUnlessThisProtectionsReplicaIsDamaged() async throws {
        try await withAgentSite { site in
            var own = ""
            try await site.withAgent { agent in
                try await agent.cycle(1, .full, parent: 0)
                try await agent.setSide(active: true, generation: 2)
                own = agent.replicaDirectory
            }
            let other = "\(site.settings.replicas)/\(UUID().uuidString.lowercased())"
            try FileManager.default.copyItem(atPath: own, toPath: other)
            try damage(other)
            try await site.withAgent { agent in
                let side = try await agent.describeSide()
                #expect(side.active && side.generation == 2 && side.power == .running && side.alarm.isEmpty)
                // It may go over: captured, shut down, and started again if that is taken back.
                _ = try await agent.capture(2, .incremental, parent: 1, generation: 2)
                try await agent.close(2, committed: false, keep: 1, generation: 2)
                _ = try await agent.stopGuest(generation: 2)
                try await agent.startGuest(generation: 2)
                #expect(try await agent.power() == .running)
            }
            try damage(own)
            try await site.withAgent { agent in
                let error = try await #require(throws: RemoteError.self) { try await agent.describeSide() }
                #expect(error.code == .corruptData && !error.remedy.isEmpty, "\(error)")
                #expect(try await agent.power() == .running)
            }
        }
    }

    private func damage(_ replica: String) throws {
        let manifest = URL(fileURLWithPath: "\(replica)/manifest")
        try Data(contentsOf: manifest).prefix(20).write(to: manifest)
    }

    @Test func aDutyThatSaysNothingNewChangesNothing() async throws {
        try await withAgentSite { site in
            try await site.withAgent { agent in
                try await agent.setSide(active: true, generation: 4)
                let wrong = [
                    duty(site, generation: 3, active: false, fence: .shutDown),
                    duty(site, generation: 4, active: false, fence: .shutDown),
                    duty(site, generation: 5, active: false, fence: .shutDown, guest: UUID().uuidString), Duty(),
                ]
                for duty in wrong {
                    site.vault.tell([duty])
                    let before = site.vault.heard.reports.count
                    // Whatever happens to a guest is reported soon.
                    agent.hypervisor.setGuestAgent(false, of: agent.guest)
                    try await poll("a report was answered") { site.vault.heard.reports.count > before }
                    agent.hypervisor.setGuestAgent(true, of: agent.guest)
                    try await poll("and taken in") { site.vault.heard.reports.count > before + 1 }
                    #expect(try await agent.power() == .running)
                    let side = try await agent.describeSide()
                    #expect(side.active && side.generation == 4)
                }
            }
        }
    }

    /// A guest with the same UUID as a protection's at a host that never lost it.
    @Test func aGuestThatWasNeverOursIsNotTouched() async throws {
        try await withAgentSite { site in
            site.vault.tell([duty(site, generation: 1, active: false, fence: .shutDown)])
            try await site.withAgent { agent in
                try await poll("the side is known") { try await agent.describeSide().generation == 1 }
                let before = site.vault.heard.reports.count
                try await poll("another report was answered") { site.vault.heard.reports.count > before + 1 }
                #expect(try await agent.power() == .running)
                #expect(try await !agent.describeSide().alarm.isEmpty)
            }
        }
    }

    @Test func aGuestIsStoppedAndStartedByCommand() async throws {
        try await withAgentSite { site in
            try await site.withAgent { agent in
                try await agent.setSide(active: true, generation: 2)
                agent.hypervisor.setHearsPowerButton(false, of: agent.guest)
                #expect(await refusal { try await agent.stopGuest(generation: 1) } == .staleGeneration)
                #expect(
                    await refusal { try await agent.stopGuest(generation: 2, limitMs: 600_001) } == .invalidArgument)
                #expect(
                    await refusal { try await agent.stopGuest(generation: 2, limitMs: 10) } == .deadlineExceeded)
                #expect(try await agent.power() == .running)
                let stopped = try await agent.stopGuest(generation: 2, limitMs: 10, whenItFails: .destroy)
                #expect(stopped.wasRunning && stopped.forced)
                let again = try await agent.stopGuest(generation: 2)
                #expect(!again.wasRunning && !again.forced)
                try await agent.startGuest(generation: 2)
                try await agent.startGuest(generation: 2)
                #expect(try await agent.power() == .running)
            }
        }
    }

    private func duty(
        _ site: AgentSite, generation: UInt64, active: Bool, fence: FenceAction, guest: String? = nil
    ) -> Duty {
        var duty = Duty()
        duty.protection = site.protection
        duty.guestUuid = guest ?? site.guest
        duty.generation = generation
        duty.active = active
        duty.fenceAction = fence
        duty.activeHost = "other"
        return duty
    }
}
