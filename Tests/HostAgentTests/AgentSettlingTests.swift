import Hypervisor
import Messages
import Testing

@testable import HostAgent
@testable import Replica

/// A failback that was taken back while its disks were being brought to its point: nobody asks for that again.
@Suite(.serialized, .enabled(if: ViewPluginForTests.isThere, ViewPluginForTests.reason))
struct AgentSettlingTests {
    /// The guest runs away from home again, and its disks at home are to be brought to point 4.
    private func withUnfinished(
        _ sites: TwoSites, _ body: (_ a: AgentHarness, _ b: AgentHarness) async throws -> Void
    ) async throws {
        let journey = Journey(sites: sites, crash: CrashAt(nil))
        try await journey.runToReturn()
        try await sites.run { a, b in
            try await a.setSide(active: true, generation: 3)
            let image = AdoptedImage(
                target: "vda", path: journey.image, format: .qcow2, sizeBytes: AgentHarness.diskBytes)
            let other = try ServedBaseImage(image, access: .writing)
            let refused = await refusal {
                try await a.startReplica(4, .failover, generation: 3, onBase: true)
            }
            #expect(refused == .failedPrecondition)
            try other.close()
            try await a.stopReplica(.failover, generation: 3)
            try await a.setSide(active: false, generation: 4)
            try await b.setSide(active: true, generation: 4)
            try await b.startGuest(generation: 4)
            #expect(try await a.describe().baseCycle == 3)
            try await body(a, b)
        }
    }

    private func replicate(from b: AgentHarness, to a: AgentHarness) async throws {
        b.hypervisor.write(randomBytes(20_000), to: b.guest, "vda", at: 5_000)
        let held = try await b.cycle(5, .incremental, parent: 4, generation: 4, to: a)
        #expect(try a.contents(of: 5) == held)
    }

    @Test func aCycleThatIsRefusedForItHasItFinished() async throws {
        try await withTwoSites { sites in
            try await withUnfinished(sites) { a, b in
                let capture = try await b.capture(5, .incremental, parent: 4, generation: 4)
                let open = { try await a.openCycle(capture, .incremental, parent: 4, generation: 4) }
                #expect(await refusal(open) == .failedPrecondition)
                try await poll("what was begun is finished") { await refusal(open) == nil }
                try await a.abort(5, generation: 4)
                try await b.close(5, committed: false, keep: 4, generation: 4)
                try await replicate(from: b, to: a)
            }
        }
    }

    @Test func anAgentThatStartsFinishesIt() async throws {
        try await withTwoSites { sites in
            try await withUnfinished(sites) { _, _ in }
            try await sites.run { a, b in
                try await poll("what was begun is finished") { try await a.describe().baseCycle == 4 }
                try await replicate(from: b, to: a)
            }
        }
    }
}
