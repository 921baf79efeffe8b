import FoundationEssentials
import Hypervisor
import Messages
import Testing

@testable import HostAgent

/// A guest that runs from a view upon its own old disks, which hold compressed clusters.
@Suite(.serialized, .enabled(if: ViewPluginForTests.isThere, ViewPluginForTests.reason))
struct AgentCompressedTests {
    /// The guest ran at B and was replicated to A's disks up to point 5; then B died, and it runs at A from point 4.
    private func withGuest(_ body: @escaping (_ a: AgentHarness, _ b: AgentHarness) async throws -> Void) async throws {
        try await withTwoSites { sites in
            try await Journey(sites: sites, crash: CrashAt(nil), isCompressed: true).runToReplicatedBack()
            try await sites.run { a, b in
                for cycle in [4, 5] as [UInt64] {
                    b.hypervisor.write(randomBytes(30_000), to: b.guest, "vda", at: 20_000)
                    try await b.cycle(cycle, .incremental, parent: cycle - 1, generation: 2, to: a)
                }
                try await a.setSide(active: true, generation: 3)
                _ = try await a.startReplica(4, .failover, generation: 3)
                try await body(a, b)
            }
        }
    }

    private func pollCommit(_ a: AgentHarness) async -> ErrorCode? {
        await refusal { try await poll("the commit ends") { try await a.commitReplica(generation: 3).finished } }
    }

    @Test func aCommitThatHasToWaitForTheGuestLeavesTheChoiceOpen() async throws {
        try await withGuest { a, _ in
            for _ in 1...2 { #expect(await pollCommit(a) == .failedPrecondition) }
            #expect(try await a.points().map(\.cycle) == [3, 4, 5] && a.views().count == 1)
            try await a.stopReplica(.failover, generation: 3)
            #expect(try await a.startReplica(5, .failover, generation: 3).cycle == 5)
            #expect(try await a.power() == .running)
        }
    }

    @Test func itIsCommittedOnceTheGuestIsOff() async throws {
        try await withGuest { a, _ in
            let held = try a.contents(of: 4)
            #expect(await pollCommit(a) == .failedPrecondition)
            _ = try await a.stopGuest(generation: 3)
            #expect(await pollCommit(a) == nil)
            #expect(try await a.points().map(\.cycle) == [4])
            #expect(try a.contents(of: 4) == held)
            try await poll("the view ends") { a.views().isEmpty }
            #expect(a.hypervisor.isOnBase(a.guest))
        }
    }

    /// Nobody committed it before it is replicated to again.
    @Test func whatItWroteIsAdoptedWithoutACommit() async throws {
        try await withGuest { a, _ in
            a.hypervisor.fail(.settleOnBase, with: HypervisorError(.hostUnfit, "The host lacks something."))
            _ = try await a.stopGuest(generation: 3)
            try await a.setSide(active: false, generation: 4)
            // Up to where the overlay, which the in-memory guest has in no file, would be put on the base.
            #expect(await refusal { try await a.adoptDisks(4, generation: 4) } == .failedPrecondition)
            #expect(try await a.describe().baseCycle == 4)
        }
    }
}
