import FoundationEssentials
import Logging
import MessageBus
import Messages
import Testing

@testable import HostAgent

/// An agent whose database was lost, and the vault that still knows its host.
@Suite(.serialized) struct HostIdentityTests {
    private static let lost = UUID().uuidString.lowercased()

    private func host(_ name: String, _ id: String, reachable: Bool, incarnation: UInt64 = 0) -> Messages.Host {
        var host = Messages.Host()
        host.incarnation = incarnation
        host.id = id
        host.name = name
        host.reachable = reachable
        return host
    }

    private func take(
        _ settings: HostAgentSettings, as name: String = "host"
    ) async throws -> HostIdentityRecovery.Outcome {
        try await HostIdentityRecovery.take(name, settings: settings, logger: Logger(label: "identity"))
    }

    private func whyNot(_ settings: HostAgentSettings, as name: String = "host") async -> HostAgentError.Code? {
        do {
            _ = try await take(settings, as: name)
            return nil
        } catch let error as HostAgentError {
            #expect(!error.remedy.isEmpty, "\(error)")
            return error.code
        } catch {
            Issue.record(error)
            return nil
        }
    }

    @Test func anAgentWithoutItsDatabaseBecomesTheHostAgainThatItWas() async throws {
        try await withAgentSite { site in
            var identifier = ""
            try await site.withAgent { agent in
                identifier = agent.agent.hostIdentifier
                #expect(await whyNot(site.settings) == .conflict, "the agent runs")
            }
            let other = host("other", UUID().uuidString, reachable: true)
            site.vault.show([other, host("host", identifier, reachable: false)])
            try FileManager.default.removeItem(atPath: site.settings.state)
            #expect(try await take(site.settings) == .taken(identifier))
            #expect(try await take(site.settings) == .had(identifier))
            try await site.withAgent { agent in
                #expect(agent.agent.hostIdentifier == identifier)
                try await poll("it registers as that host, in an incarnation of its own") {
                    let last = site.vault.heard.registrations.last?.host
                    return last?.id == identifier && last?.incarnation == 1
                }
                try await poll("it reports in it") { site.vault.heard.reports.last?.incarnation == 1 }
            }
        }
    }

    /// As it is mostly noticed: the agent was started meanwhile, and was refused.
    @Test func anIdentityThatNobodyKnowsIsGivenUpForIt() async throws {
        try await withAgentSite { site in
            try await site.withAgent { agent in #expect(agent.agent.hostIdentifier != Self.lost) }
            site.vault.show([host("host", Self.lost, reachable: false)])
            #expect(try await take(site.settings) == .taken(Self.lost))
            try await site.withAgent { agent in #expect(agent.agent.hostIdentifier == Self.lost) }
        }
    }

    /// The machine that was replaced is back with its old state, while the other is the host.
    @Test func anAgentWhoseHostAnotherTookOverDoesNothingAnyMore() async throws {
        try await withAgentSite { site in
            var identifier = ""
            try await site.withAgent { agent in
                identifier = agent.agent.hostIdentifier
                _ = try await agent.cycle(1, .full, parent: 0)
                let keep = HostAgentLimits.captureKeepMillisecondsMaximum
                let opened = ContinuousClock.now
                _ = try await agent.capture(2, .incremental, parent: 1, keepMs: keep)
                #expect(try await Self.details(agent).contains("1 captures are open"))
                site.vault.takeOver(1)
                try await poll("it hears of it, and says so") { try await Self.isReplaced(agent) }
                try await poll("what it captured is ended") {
                    try await Self.details(agent).contains("0 captures are open")
                }
                #expect(ContinuousClock.now - opened < .milliseconds(keep) * 5 / 6, "or its time was over by itself")
                await Self.expectIdle(agent)
            }
            // After a restart it knows, although the vault does not answer.
            try await site.withAgent {
                $0.vault = "tcp://127.0.0.1:1"
            } _: { agent in
                let isReplaced = try await Self.isReplaced(agent)
                #expect(isReplaced)
                await Self.expectIdle(agent)
            }
            // Not while the other one is there; then it is the host again.
            site.vault.show([host("host", identifier, reachable: true, incarnation: 1)])
            #expect(await whyNot(site.settings) == .failedPrecondition)
            site.vault.show([host("host", identifier, reachable: false, incarnation: 1)])
            #expect(try await take(site.settings) == .taken(identifier))
            try await site.withAgent { agent in
                try await poll("the vault takes it") { site.vault.heard.reports.last?.incarnation == 2 }
                #expect(try await !Self.isReplaced(agent))
                _ = try await agent.capture(3, .incremental, parent: 1)
            }
        }
    }

    /// The vault may be restored from a backup of before: then it takes the agent, and the agent acts again.
    @Test func anAgentThatIsTakenAgainActsAgain() async throws {
        try await withAgentSite { site in
            try await site.withAgent { agent in
                site.vault.takeOver(1)
                try await poll("it is replaced") { try await Self.isReplaced(agent) }
                site.vault.takeOver(0)
                try await poll("it is the host again") { try await !Self.isReplaced(agent) }
                _ = try await agent.cycle(1, .full, parent: 0)
            }
        }
    }

    private static func details(_ agent: AgentHarness) async throws -> [String] {
        guard case .healthReply(let health) = try await agent.client.call(.healthRequest(HealthRequest())).body else {
            return []
        }
        return [health.level == .critical ? "critical" : "well"] + health.details
    }

    private static func isReplaced(_ agent: AgentHarness) async throws -> Bool {
        let details = try await details(agent)
        return details.first == "critical" && details.contains { $0.contains("taken over by another agent") }
    }

    /// Whatever acts is refused with the rule; questions are answered.
    private static func expectIdle(_ agent: AgentHarness) async {
        var capture = OpenCapture()
        capture.protection = agent.protection
        var view = OpenView()
        view.protection = agent.protection
        var start = StartReplica()
        start.protection = agent.protection
        var guest = StartGuest()
        guest.protection = agent.protection
        for request in [
            AgentRequest.OneOf_Request.openCapture(capture), .openView(view), .startReplica(start), .startGuest(guest),
        ] {
            do {
                _ = try await agent.send(request)
                Issue.record("it did \(request)")
            } catch let error as RemoteError {
                #expect(error.code == .failedPrecondition && error.facts["rule"] == "replaced-host", "\(error)")
                #expect(error.message.contains("taken over") && !error.remedy.isEmpty)
            } catch {
                Issue.record(error)
            }
        }
        do {
            var points = ListPoints()
            points.protection = agent.protection
            _ = try await agent.send(.listPoints(points))
            _ = try await agent.send(.doctorCheck(DoctorCheck()))
        } catch {
            Issue.record(error)
        }
    }

    @Test func twoHostsNeverBecomeOne() async throws {
        try await withAgentSite { site in
            // Somebody is that host.
            site.vault.show([host("host", Self.lost, reachable: true)])
            #expect(await whyNot(site.settings) == .failedPrecondition)
            // Another one is meant.
            #expect(await whyNot(site.settings, as: "other") == .invalidArgument)
            // Nobody was.
            site.vault.show([host("other", Self.lost, reachable: false)])
            #expect(await whyNot(site.settings) == .notFound)
            // This agent has an identity that the vault knows under another name.
            var own = ""
            try await site.withAgent { agent in own = agent.agent.hostIdentifier }
            site.vault.show([host("host", Self.lost, reachable: false), host("former", own, reachable: false)])
            #expect(await whyNot(site.settings) == .failedPrecondition)
            try await site.withAgent { agent in #expect(agent.agent.hostIdentifier == own, "nothing was changed") }
        }
    }
}
