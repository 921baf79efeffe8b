import FoundationEssentials
import Logging
import Messages
import Testing

@testable import HostAgent

/// An agent whose database was lost, and the vault that still knows its host.
@Suite(.serialized) struct HostIdentityTests {
    private static let lost = UUID().uuidString.lowercased()

    private func host(_ name: String, _ id: String, reachable: Bool) -> Messages.Host {
        var host = Messages.Host()
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
                try await poll("it registers as that host") {
                    site.vault.heard.registrations.last?.host.id == identifier
                }
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
