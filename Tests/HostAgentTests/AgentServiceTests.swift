import FoundationEssentials
import Hypervisor
import MessageBus
import Messages
import Testing

@testable import HostAgent

/// Everything but cycles: inventory, captures that nobody keeps, bad requests, doctor.
@Suite(.serialized) struct AgentServiceTests {
    @Test func theInventoryIsReportedAndReportedAgainWhenItChanges() async throws {
        try await withAgentSite { site in
            try await site.withAgent { agent in
                try await poll("a report arrives") { !site.vault.heard.reports.isEmpty }
                let heard = site.vault.heard
                #expect(heard.registrations[0].host.controlEndpoint == agent.agent.endpoint)
                #expect(heard.registrations[0].createMissing && heard.registrations[0].site == "site")
                #expect(heard.reports[0].guests.map(\.name) == ["guest"])
                #expect(heard.reports[0].capacity.replicaFreeBytes > 0)
                agent.hypervisor.addGuest(
                    name: "another", uuid: UUID().uuidString.lowercased(), disks: [("vda", 1 << 20)])
                try await poll("the change is reported") {
                    site.vault.heard.reports.last?.guests.map(\.name) == ["another", "guest"]
                }
            }
        }
    }

    @Test func aVaultThatForgotTheHostIsToldAgain() async throws {
        try await withAgentSite { site in
            try await site.withAgent { agent in
                try await poll("a report arrives") { !site.vault.heard.reports.isEmpty }
                site.vault.forgetHosts()
                agent.hypervisor.setGuestAgent(false, of: agent.guest)
                try await poll("the host registers again") { site.vault.heard.registrations.count == 2 }
            }
        }
    }

    @Test func aCaptureThatNobodyKeepsAliveIsEnded() async throws {
        try await withAgentSite { site in
            try await site.withAgent { agent in
                try await agent.cycle(1, .full, parent: 0)
                _ = try await agent.capture(2, .incremental, parent: 1, keepMs: 1)
                try await poll("the capture ends") { !agent.hypervisor.hasOpenCapture(agent.guest) }
                #expect(await refusal { try await agent.keepCapture(2) } == .failedPrecondition)
                let held = try await agent.cycle(3, .incremental, parent: 1)
                #expect(try agent.contents(of: 3) == held)
            }
        }
    }

    @Test func aCaptureThatIsLostIsNotKept() async throws {
        try await withAgentSite { site in
            try await site.withAgent { agent in
                try await agent.cycle(1, .full, parent: 0)
                _ = try await agent.capture(2, .incremental, parent: 1)
                agent.hypervisor.loseCapture(of: agent.guest, reason: "scratch space is full")
                #expect(await refusal { try await agent.keepCapture(2) } == .failedPrecondition)
                try await poll("it is ended") { !agent.hypervisor.hasOpenCapture(agent.guest) }
            }
        }
    }

    @Test func aGuestThatCrashedNeedsAComparison() async throws {
        try await withAgentSite { site in
            try await site.withAgent { agent in
                try await agent.cycle(1, .full, parent: 0)
                agent.hypervisor.crash(guest: agent.guest)
                try await agent.hypervisor.start(guest: agent.guest)
                do {
                    _ = try await agent.capture(2, .incremental, parent: 1)
                    Issue.record("the capture was opened")
                } catch let error as RemoteError {
                    #expect(error.code == .failedPrecondition && error.facts["needs"] == "compare")
                    #expect(!error.message.isEmpty)
                }
                _ = try await agent.capture(3, .compare, parent: 1)
                try await agent.close(3, committed: false, keep: 1)
            }
        }
    }

    @Test func releasingTheSourceLeavesNothing() async throws {
        try await withAgentSite { site in
            try await site.withAgent { agent in
                try await agent.cycle(1, .full, parent: 0)
                _ = try await agent.capture(2, .incremental, parent: 1)
                var release = ReleaseSource()
                release.protection = agent.protection
                release.guestUuid = agent.guest
                _ = try await agent.send(.releaseSource(release))
                _ = try await agent.send(.releaseSource(release))
                #expect(agent.hypervisor.checkpoints(of: agent.guest).isEmpty)
                #expect(!agent.hypervisor.hasOpenCapture(agent.guest))
            }
        }
    }

    @Test func theGuestsHookIsAskedBeforeACaptureIsAnswered() async throws {
        try await withAgentSite { site in
            let hook = "\(site.directory)/hook"
            let said = "\(site.directory)/said"
            let script =
                "#!/bin/sh\necho \"$BASCULE_CYCLE $BASCULE_GUEST $BASCULE_DISK_VDA\" > \(said)\nexit $(cat \(site.directory)/code)\n"
            try script.write(toFile: hook, atomically: true, encoding: .utf8)
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: hook)
            try "0".write(toFile: "\(site.directory)/code", atomically: true, encoding: .utf8)
            try await site.withAgent(change: { $0.captureHook = hook }) { agent in
                let capture = try await agent.capture(1, .full, parent: 0)
                let text = try String(contentsOfFile: said, encoding: .utf8)
                #expect(text == "1 \(agent.guest) \(capture.disks[0].nbdUri)\n")
                try await agent.close(1, committed: false)
                try "3".write(toFile: "\(site.directory)/code", atomically: true, encoding: .utf8)
                #expect(await refusal { try await agent.capture(2, .full, parent: 0) } == .unavailable)
                #expect(!agent.hypervisor.hasOpenCapture(agent.guest))
                #expect(agent.hypervisor.checkpoints(of: agent.guest).isEmpty)
            }
        }
    }

    /// Requests that are wrong by themselves, and what each is answered with.
    @Test func badRequestsAreAnsweredAndChangeNothing() async throws {
        try await withAgentSite { site in
            try await site.withAgent { agent in
                var capture = OpenCapture()
                capture.protection = "nonsense"
                #expect(await refusal { try await agent.send(.openCapture(capture)) } == .invalidArgument)
                capture.protection = agent.protection
                capture.guestUuid = UUID().uuidString
                capture.cycle = 1
                #expect(await refusal { try await agent.send(.openCapture(capture)) } == .invalidArgument)
                capture.kind = .full
                capture.consistency = .crash
                capture.regionsPerDisk = 100_000
                #expect(await refusal { try await agent.send(.openCapture(capture)) } == .invalidArgument)
                capture.regionsPerDisk = 0
                #expect(await refusal { try await agent.send(.openCapture(capture)) } == .notFound)
                #expect(await refusal { try await agent.describe() } == .notFound)
                #expect(await refusal { try await agent.points() } == .notFound)
                #expect(await refusal { try await agent.keepCapture(1) } == .notFound)
                var view = OpenView()
                view.protection = agent.protection
                #expect(await refusal { try await agent.send(.openView(view)) } == .notFound)
                #expect(
                    await refusal { try await agent.client.vault(.getSnapshot(GetSnapshot())) } == .unimplemented)
                #expect(
                    await refusal { try await agent.client.policy(.listPolicies(ListPolicies())) } == .unimplemented)
                #expect(
                    await refusal { try await agent.client.call(.agentRequest(AgentRequest())) } == .invalidArgument)
                let health = try await agent.client.health(deadline: .seconds(60))
                #expect(health.service == "agent" && health.level == .normal)
            }
        }
    }

    /// What could not be counted on, or stored, would end the agent, and every guest's replication with it.
    @Test(arguments: [RequiredField.countMaximum + 1, 1 << 63, .max])
    func numbersThatNobodyCountsToAreRefused(number: UInt64) async throws {
        try await withAgentSite { site in
            try await site.withAgent { agent in
                var side = SetSide()
                (side.protection, side.guestUuid) = (agent.protection, agent.guest)
                var delete = DeleteReplica()
                delete.protection = agent.protection
                var release = ReleaseSource()
                (release.protection, release.guestUuid) = (agent.protection, agent.guest)
                for request in [
                    AgentRequest.OneOf_Request.setSide(side), .deleteReplica(delete), .releaseSource(release),
                ] {
                    #expect(
                        await refusal { try await agent.send(request, generation: number) } == .invalidArgument,
                        "\(request)")
                }
                #expect(await refusal { try await agent.capture(number, .full, parent: 0) } == .invalidArgument)
                #expect(await refusal { try await agent.capture(1, .incremental, parent: number) } == .invalidArgument)
                var adopt = AdoptDisks()
                (adopt.protection, adopt.guestUuid, adopt.cycle) = (agent.protection, agent.guest, number)
                #expect(await refusal { try await agent.send(.adoptDisks(adopt)) } == .invalidArgument)
                var close = CloseCapture()
                (close.protection, close.cycle, close.keepCheckpointOfCycle) = (agent.protection, 1, number)
                #expect(await refusal { try await agent.send(.closeCapture(close)) } == .invalidArgument)
                var duty = Duty()
                (duty.protection, duty.guestUuid, duty.generation) = (agent.protection, agent.guest, number)
                var duties = HostDuties()
                duties.duties = [duty]
                #expect(SideStateMachine.Order.orders(duties).isEmpty)
                try await agent.cycle(1, .full, parent: 0)
            }
        }
    }

    @Test func theDoctorNamesWhatIsMissingAndHowToMendIt() async throws {
        try await withAgentSite { site in
            try await site.withAgent { agent in
                guard case .doctorReport(let report) = try await agent.send(.doctorCheck(DoctorCheck())) else {
                    throw AgentHarness.Unexpected()
                }
                let items = Dictionary(uniqueKeysWithValues: report.items.map { ($0.name, $0) })
                #expect(items["replicas directory"] != nil && items["free space"] != nil && items["nbdkit"] != nil)
                let burial = try #require(items["first process"])
                #expect(burial.passed == burial.detail.contains(" ms"))
                let plugin = try #require(items["nbdkit plugin"])
                #expect(!plugin.passed && !plugin.remedy.isEmpty)
                for item in report.items where !item.passed { #expect(!item.remedy.isEmpty) }
            }
        }
    }

    @Test func aScrubFindsWhatWasAltered() async throws {
        try await withAgentSite { site in
            try await site.withAgent { agent in
                agent.hypervisor.write([UInt8](repeating: 7, count: 200_000), to: agent.guest, "vda", at: 0)
                try await agent.cycle(1, .full, parent: 0)
                #expect(try await scrub(agent).faultCount == 0)
                let log = "\(agent.replicaDirectory)/journal/" + (try agent.files(in: "journal")[0])
                var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: log)))
                // Inside the first record, behind its header.
                let position = bytes.count / 2
                bytes[position] ^= 1
                try Data(bytes).write(to: URL(fileURLWithPath: log))
                let report = try await scrub(agent)
                #expect(report.faultCount > 0 && report.faults.count > 0)
            }
        }
    }

    private func scrub(_ agent: AgentHarness) async throws -> ScrubProgress {
        var request = Scrub()
        request.protection = agent.protection
        request.restart = true
        var progress = ScrubProgress()
        try await poll("the scrub ends") {
            guard case .scrubProgress(let report) = try await agent.send(.scrub(request)) else {
                throw AgentHarness.Unexpected()
            }
            request.restart = false
            progress = report
            return report.finished
        }
        return progress
    }
}
