import BlockDevice
import FoundationEssentials
import Hypervisor
import MessageBus
import Messages
import Testing

@testable import HostAgent

/// Somebody starts the guest at the side that is not active, on the very disks that are the base of the replica there,
/// and shuts it down again.
@Suite(.serialized, .enabled(if: ViewPluginForTests.isThere, ViewPluginForTests.reason))
struct AgentStrangerTests {
    /// The guest runs away from home and is replicated back, as point 3; then its own disks are written to at home.
    private func withStranger(
        _ body: @escaping (_ journey: Journey, _ a: AgentHarness, _ b: AgentHarness) async throws -> Void
    ) async throws {
        try await withTwoSites { sites in
            let journey = Journey(sites: sites, crash: CrashAt(nil))
            try await journey.runToReplicatedBack()
            try await sites.run { a, b in
                #expect(try await a.points().map(\.cycle) == [3])
                // Where the guest has data, because the tests' worker knows no zeros to compare.
                var mixed = try journey.contents(of: journey.image)
                mixed.replaceSubrange(150_000..<250_000, with: randomBytes(100_000))
                try journey.write(mixed, to: journey.image, backing: nil)
                try await body(journey, a, b)
            }
        }
    }

    @Test func whatIsThereIsComparedBeforeItIsAPointAgain() async throws {
        try await withStranger { journey, a, b in
            b.hypervisor.write(randomBytes(5_000), to: b.guest, "vda", at: 700_000)
            let capture = try await b.capture(4, .incremental, parent: 3, generation: 2)
            do {
                _ = try await a.openCycle(capture, .incremental, parent: 3, generation: 2)
                Issue.record("an incremental cycle upon disks that somebody else wrote to was opened")
            } catch let error as RemoteError {
                #expect(error.code == .wrongParent)
                #expect(error.facts["because"]?.contains(journey.image) == true)
            }
            #expect(try await a.points().isEmpty)
            let replica = try await a.describe()
            #expect(replica.points == 0 && replica.newestCycle == 3 && replica.adopted)
            try await b.close(4, committed: false, keep: 3, generation: 2)
            let held = try await b.cycle(5, .compare, parent: 3, generation: 2, to: a)
            #expect(try a.contents(of: 5) == held)
            #expect(try await a.points().map(\.cycle) == [5])
            b.hypervisor.write(randomBytes(5_000), to: b.guest, "vda", at: 200_000)
            let later = try await b.cycle(6, .incremental, parent: 5, generation: 2, to: a)
            #expect(try a.contents(of: 6) == later)
            try await poll("the journal is folded ahead") { try await a.prepareReplica(generation: 2).finished }
            #expect(try journey.contents(of: journey.image) == later)
            #expect(try await a.points().map(\.cycle) == [6])
        }
    }

    /// Neither a test nor a failover, on a view or on the base, and with the reason.
    @Test func nothingIsStartedFromIt() async throws {
        try await withStranger { journey, a, _ in
            #expect(await spoilt { _ = try await a.prepareReplica(generation: 2) })
            #expect(await spoilt { _ = try await a.startReplica(3, .test, generation: 2) })
            try await a.setSide(active: true, generation: 3)
            #expect(await spoilt { _ = try await a.startReplica(3, .failover, generation: 3) })
            #expect(await spoilt { _ = try await a.startReplica(3, .failover, generation: 3, onBase: true) })
            #expect(a.exists("manifest"))
            #expect(try await a.describe().runningCycle == 0)
            guard case .healthReply(let health) = try await a.client.call(.healthRequest(HealthRequest())).body else {
                Issue.record("no health")
                return
            }
            #expect(health.level == .warning && health.details.contains { $0.contains(journey.image) })
        }
    }

    /// It may be seen long before the next cycle.
    @Test func itIsToldAsSoonAsTheGuestIsSeen() async throws {
        try await withStranger { _, a, _ in
            a.hypervisor.crash(guest: a.guest)
            try await a.setSide(active: false, generation: 2)
            guard case .healthReply(let health) = try await a.client.call(.healthRequest(HealthRequest())).body else {
                Issue.record("no health")
                return
            }
            #expect(health.details.contains { $0.contains("no failover to this host") })
        }
    }

    private func spoilt(_ body: () async throws -> Void) async -> Bool {
        do {
            try await body()
            return false
        } catch let error as RemoteError {
            return error.code == .failedPrecondition && error.facts["rule"] == "spoilt"
        } catch {
            return false
        }
    }
}
