import FoundationEssentials
import Logging
import MessageBus
import Messages
import RawSockets
import SwiftProtobuf
import Synchronization
import Testing

@testable import HostAgent

/// A vault that is away or talks nonsense, and strangers at the agent's two doors.
@Suite(.serialized) struct AgentNeighbourTests {
    @Test func withoutAVaultItReplicatesAllTheSame() async throws {
        try await withAgentSite { site in
            try await site.withAgent {
                $0.vault = "tcp://127.0.0.1:1"
            } _: { agent in
                let held = try await agent.cycle(1, .full, parent: 0)
                #expect(try agent.contents(of: 1) == held)
                #expect(site.vault.heard.registrations.isEmpty)
            }
        }
    }

    @Test func aVaultThatTalksNonsenseIsToldAgainUntilItUnderstands() async throws {
        let asked = Mutex(0)
        let isWell = Mutex(false)
        let reports = Mutex(0)
        var logger = Logger(label: "vault")
        logger.logLevel = .critical
        let bus = MessageBus(name: "vault/test", logger: logger)
        let server = try await bus.serve(at: "tcp://127.0.0.1:*") { request in
            asked.withLock { $0 += 1 }
            guard isWell.withLock({ $0 }), case .vaultRequest(let wire) = request.body else {
                var reply = PolicyReply()
                reply.done = PolicyDone()
                return .policyReply(reply)
            }
            var reply = VaultReply()
            if case .registerHost(let registration)? = wire.request {
                reply.host = registration.host
            } else {
                reports.withLock { $0 += 1 }
                reply.duties = HostDuties()
            }
            return .vaultReply(reply)
        }
        try await withAgentSite { site in
            try await site.withAgent {
                $0.vault = server.endpoint
            } _: { agent in
                try await poll("the vault is asked again") { asked.withLock { $0 } >= 2 }
                let held = try await agent.cycle(1, .full, parent: 0)
                #expect(try agent.contents(of: 1) == held, "it serves policy meanwhile")
                isWell.withLock { $0 = true }
                try await poll("it registers, and reports its inventory") { reports.withLock { $0 } > 0 }
            }
        }
        await bus.shutdown()
    }

    /// Registered, and then every report is answered late or never: what policy asks is done meanwhile, and soon.
    @Test func aVaultThatIsSlowHoldsUpNobody() async throws {
        let holds = Mutex(false)
        let held = Mutex(0)
        let reports = Mutex(0)
        var logger = Logger(label: "vault")
        logger.logLevel = .critical
        let bus = MessageBus(name: "vault/test", logger: logger)
        let server = try await bus.serve(at: "tcp://127.0.0.1:*") { request in
            guard case .vaultRequest(let wire) = request.body else { throw RemoteError(.unimplemented, "not asked") }
            var reply = VaultReply()
            if case .registerHost(let registration)? = wire.request {
                reply.host = registration.host
            } else if holds.withLock({ $0 }) {
                held.withLock { $0 += 1 }
                // Sleeps because a vault that hangs answers nothing: longer than the test, and ends with the bus.
                try await Task.sleep(for: .seconds(120))
            } else {
                reports.withLock { $0 += 1 }
                reply.duties = HostDuties()
            }
            return .vaultReply(reply)
        }
        try await withAgentSite { site in
            try await site.withAgent {
                $0.vault = server.endpoint
            } _: { agent in
                try await poll("it reports") { reports.withLock { $0 } > 0 }
                holds.withLock { $0 = true }
                try await poll("a report hangs") { held.withLock { $0 } > 0 }
                let begun = ContinuousClock.now
                let first = try await agent.cycle(1, .full, parent: 0)
                #expect(try agent.contents(of: 1) == first)
                let second = try await agent.cycle(2, .incremental, parent: 1)
                #expect(try agent.contents(of: 2) == second)
                #expect(ContinuousClock.now - begun < HostAgentLimits.reportDeadline, "neither waited for the vault")
                holds.withLock { $0 = false }
                let before = reports.withLock { $0 }
                try await poll("it reports again") { reports.withLock { $0 } > before }
            }
        }
        await bus.shutdown()
    }

    @Test func garbageAtBothDoorsStopsNothing() async throws {
        try await withAgentSite { site in
            try await site.withAgent { agent in
                for endpoint in [agent.agent.endpoint, agent.agent.bulkEndpoint] {
                    let raw = try RawDealer(to: endpoint)
                    for round in 0..<100 {
                        try raw.send(
                            (0...round % 4).map { _ in (0..<round * 3).map { _ in UInt8.random(in: 0...255) } })
                    }
                }
                var old = Envelope.request(
                    .healthRequest(HealthRequest()), operation: .random(), timeLeft: .seconds(5), sender: "test")
                old.protocolVersion = 2
                let raw = try RawDealer(to: agent.agent.endpoint)
                try raw.send([[], old.encoded()])
                let frame = try #require(await raw.receive())
                guard case .error(let error) = try Envelope(serializedBytes: frame).body else {
                    Issue.record("another version was not refused")
                    return
                }
                #expect(error.code == .unsupportedVersion)
                let held = try await agent.cycle(1, .full, parent: 0)
                #expect(try agent.contents(of: 1) == held)
            }
        }
    }
}
