import BlockDevice
import FoundationEssentials
import Hypervisor
import Messages
import Replica
import Testing

@testable import HostAgent

/// Disks that were adopted and are wanted otherwise before anything was replicated to them; and what is kept of them.
@Suite(.serialized, .enabled(if: ViewPluginForTests.isThere, ViewPluginForTests.reason))
struct AgentLetGoTests {
    /// The target runs the guest from point 2; the source's is off, on a real image.
    private func withAdoptable(
        _ body: (_ journey: Journey, _ a: AgentHarness, _ b: AgentHarness) async throws -> Void
    ) async throws {
        try await withTwoSites { sites in
            let journey = Journey(sites: sites, crash: CrashAt(nil))
            try await sites.run { a, b in
                a.hypervisor.write(randomBytes(300_000), to: a.guest, "vda", at: 100_000)
                try await a.cycle(1, .full, parent: 0, to: b)
                a.hypervisor.write(randomBytes(10_000), to: a.guest, "vda", at: 300_000)
                try await a.cycle(2, .incremental, parent: 1, to: b)
                try journey.write(a.hypervisor.contents(of: a.guest, "vda").contents, to: journey.image, backing: nil)
                a.hypervisor.place("vda", of: a.guest, at: journey.image)
                try await a.stopGuest(generation: 1)
                _ = try await b.startReplica(2, .failover, generation: 2)
                try await a.setSide(active: false, generation: 2)
                try await body(journey, a, b)
            }
        }
    }

    /// A planned failover, or the reverse of an unplanned one, that was abandoned when its source's disks were adopted,
    /// and cancelled then.
    @Test(arguments: [false, true])
    func aCancelledFailoverGivesTheDisksBack(isDiverged: Bool) async throws {
        try await withAdoptable { journey, a, _ in
            let own = try journey.contents(of: journey.image)
            try await a.adoptDisks(2, generation: 2, diverged: isDiverged)
            #expect(a.exists("manifest"))
            try await a.setSide(active: true, generation: 3)
            try await a.startGuest(generation: 3)
            #expect(try await a.power() == .running)
            #expect(!a.exists("manifest"))
            #expect(try journey.contents(of: journey.image) == own)
        }
    }

    @Test func disksThatSomethingWasReplicatedToAreNotGivenBack() async throws {
        try await withAdoptable { _, a, b in
            try await a.adoptDisks(2, generation: 2)
            b.hypervisor.write(randomBytes(10_000), to: b.guest, "vda", at: 500_000)
            try await b.cycle(3, .incremental, parent: 2, generation: 2, to: a)
            try await a.setSide(active: true, generation: 3)
            #expect(await refusal { try await a.startGuest(generation: 3) } == .failedPrecondition)
            #expect(try await a.points().map(\.cycle) == [2, 3])
        }
    }

    /// Abandoned there, the other side's point was changed, and then the failover was reversed.
    @Test(arguments: [false, true])
    func disksAreAdoptedAnewForAnotherPoint(isDiverged: Bool) async throws {
        try await withAdoptable { _, a, b in
            try await a.adoptDisks(2, generation: 2, diverged: isDiverged)
            try await b.stopReplica(.failover, generation: 2)
            _ = try await b.startReplica(1, .failover, generation: 2)
            #expect(await refusal { try await a.adoptDisks(1, generation: 2) } == .conflict)
            try await a.adoptDisks(1, generation: 2, diverged: true)
            #expect(try await a.describe().newestCycle == 1)
            #expect(try await a.points().isEmpty)
            let held = try await b.cycle(3, .compare, parent: 1, generation: 2, to: a)
            #expect(try a.contents(of: 3) == held)
        }
    }

    // MARK: What is kept

    /// Generations begin anew when a guest is protected again, and a guest may run once more before it is adopted: none
    /// of these snapshots may be taken for another.
    @Test func everythingThatWouldBeOverwrittenIsKept() async throws {
        try await withTemporaryDirectory { directory in
            let path = "\(directory)/vda.qcow2"
            try Program.run("qemu-img", ["create", "-q", "-f", "qcow2", path, "1M"])
            let image = AdoptedImage(target: "vda", path: path, format: .qcow2, sizeBytes: 1 << 20)
            let first = DivergedSnapshot(protection: UUID().uuidString.lowercased(), generation: 2)
            let second = DivergedSnapshot(protection: UUID().uuidString.lowercased(), generation: 2)
            try first.keep([image], isKept: false)
            try first.keep([image], isKept: true)
            #expect(try names(path) == [first.name])
            try first.keep([image], isKept: false)
            try second.keep([image], isKept: true)
            #expect(try names(path) == [first.name, first.name + "-2", second.name])
            for _ in 3...HostAgentLimits.divergedSnapshotsMaximum { try first.keep([image], isKept: false) }
            #expect {
                try first.keep([image], isKept: false)
            } throws: {
                ($0 as? HostAgentError)?.code == .resourceExhausted
            }
        }
    }

    private func names(_ path: String) throws -> [String] {
        try Program.run("qemu-img", ["snapshot", "-l", path]).split(separator: "\n").compactMap { line in
            let columns = line.split(separator: " ")
            return columns.count > 1 && columns[1].hasPrefix("bascule") ? String(columns[1]) : nil
        }
    }

    // MARK: A guest that was overtaken

    /// Started here by itself while a failover was taken back: the other side is active again, and no run knows of it.
    @Test(arguments: [false, true])
    func aGuestThatWasOvertakenGoesWithItsReplicaOnceItIsOff(keeping: Bool) async throws {
        try await withTwoSites { sites in
            try await sites.run { a, b in
                try await a.cycle(1, .full, parent: 0, to: b)
                _ = try await b.startReplica(1, .failover, generation: 2)
                let end = { (generation: UInt64) in
                    if keeping {
                        try await b.releaseSource(generation: generation)
                    } else {
                        try await b.deleteReplica(generation: generation)
                    }
                }
                #expect(await refusal { try await end(2) } == .failedPrecondition)
                try await b.setSide(active: false, generation: 3)
                #expect(await refusal { try await end(3) } == .failedPrecondition)
                try await b.hypervisor.destroy(guest: b.guest)
                try await end(3)
                #expect(b.exists("manifest") == keeping && b.hypervisor.isDefined(b.guest) == keeping)
            }
        }
    }

    // MARK: A test that is still here

    @Test func nothingIsReleasedWhileATestIsHere() async throws {
        try await withTwoSites { sites in
            try await sites.run { a, b in
                try await a.cycle(1, .full, parent: 0, to: b)
                _ = try await b.startReplica(1, .test, generation: 1)
                #expect(await refusal { try await b.releaseSource(generation: 1) } == .failedPrecondition)
                #expect(await refusal { try await b.deleteReplica(generation: 1) } == .failedPrecondition)
                try await b.stopReplica(.test, generation: 1)
                try await b.releaseSource(generation: 1)
                #expect(try await b.points().map(\.cycle) == [1])
            }
        }
    }
}
