import BlockDevice
import FoundationEssentials
import Hypervisor
import Messages
import Replica
import Testing

@testable import HostAgent

/// An old side that went its own way after an unplanned failover: what it wrote is found by its bitmap where that is
/// sound, else by comparison, kept aside on request, and overwritten.
@Suite(.serialized, .enabled(if: ViewPluginForTests.isThere, ViewPluginForTests.reason))
struct AgentDivergedTests {
    /// The target runs the guest from point 2, the source's ran on and is off now, and its disk is a real image.
    private func withDiverged(
        crashing: Bool = false, growing: Bool = false,
        _ body: (_ journey: Journey, _ a: AgentHarness, _ b: AgentHarness) async throws -> Void
    ) async throws {
        try await withTwoSites { sites in
            let journey = Journey(sites: sites, crash: CrashAt(nil))
            try await sites.run { a, b in
                a.hypervisor.write(randomBytes(500_000), to: a.guest, "vda", at: 100_000)
                try await a.cycle(1, .full, parent: 0, to: b)
                a.hypervisor.write(randomBytes(10_000), to: a.guest, "vda", at: 300_000)
                try await a.cycle(2, .incremental, parent: 1, to: b)
                _ = try await b.startReplica(2, .failover, generation: 2)
                b.hypervisor.write(randomBytes(40_000), to: b.guest, "vda", at: 130_000)
                a.hypervisor.write(randomBytes(70_000), to: a.guest, "vda", at: 200_000)
                if growing {
                    a.hypervisor.resize("vda", of: a.guest, to: 2 * AgentHarness.diskBytes)
                    a.hypervisor.write(randomBytes(50_000), to: a.guest, "vda", at: AgentHarness.diskBytes + 100_000)
                }
                if crashing {
                    a.hypervisor.crash(guest: a.guest)
                } else {
                    try await a.stopGuest(generation: 2)
                }
                try journey.write(a.hypervisor.contents(of: a.guest, "vda").contents, to: journey.image, backing: nil)
                a.hypervisor.place("vda", of: a.guest, at: journey.image)
                try await a.setSide(active: false, generation: 2)
                try await body(journey, a, b)
            }
        }
    }

    @Test func whatItsBitmapNamesIsBroughtAndNothingElse() async throws {
        try await withDiverged { journey, a, b in
            let own = a.hypervisor.contents(of: a.guest, "vda").contents
            try await a.adoptDisks(2, generation: 2, diverged: true, keepDiverged: true)
            try await a.adoptDisks(2, generation: 2, diverged: true, keepDiverged: true)
            // A diverged base is no point, and nothing is started from it.
            let replica = try await a.describe()
            #expect(replica.adopted && replica.newestCycle == 2 && replica.points == 0)
            #expect(try await a.points().isEmpty)
            #expect(await refusal { try await a.startReplica(2, .test, generation: 2) } == .notFound)
            #expect(try kept(journey.image, a.protection, generation: 2) == own)

            let held = b.hypervisor.contents(of: b.guest, "vda").contents
            let capture = try await b.capture(3, .incremental, parent: 2, generation: 2)
            let opened = try await a.openCycle(capture, .incremental, parent: 2, generation: 2)
            // Blocks of 64 KiB that the old side wrote to.
            #expect(opened.diverged.map(\.offset) == [196_608])
            #expect(opened.diverged.map(\.length) == [131_072])
            let job = try await b.transfer(capture.disks[0], of: opened, attempt: 1)
            let committed = try await a.commit(3, [job], generation: 2)
            #expect(committed.storedBytes < 300_000)
            try await b.close(3, committed: true, generation: 2)
            #expect(try a.contents(of: 3) == held)
            #expect(try await a.points().map(\.cycle) == [3])
            b.hypervisor.write(randomBytes(5_000), to: b.guest, "vda", at: 700_000)
            let later = try await b.cycle(4, .incremental, parent: 3, generation: 2, to: a)
            #expect(try a.contents(of: 4) == later)
        }
    }

    @Test func aLostBitmapIsSaidAndComparisonIsUsed() async throws {
        try await withDiverged(crashing: true) { _, a, b in
            try await a.adoptDisks(2, generation: 2, diverged: true)
            let capture = try await b.capture(3, .incremental, parent: 2, generation: 2)
            do {
                _ = try await a.openCycle(capture, .incremental, parent: 2, generation: 2)
                Issue.record("an incremental cycle upon disks of which nothing is known was opened")
            } catch let error as RemoteError {
                #expect(error.code == .wrongParent)
                #expect(error.facts["because"]?.contains("inconsistent") == true)
            }
            try await b.close(3, committed: false, keep: 2, generation: 2)
            let held = try await b.cycle(4, .compare, parent: 2, generation: 2, to: a)
            #expect(try a.contents(of: 4) == held)
        }
    }

    /// Its disk grew while it was alone. What is beyond the other side's end goes, also where a snapshot was kept.
    @Test func aDiskThatGrewIsComparedAndCut() async throws {
        try await withDiverged(growing: true) { journey, a, b in
            let own = a.hypervisor.contents(of: a.guest, "vda").contents
            try await a.adoptDisks(2, generation: 2, diverged: true, keepDiverged: true)
            let capture = try await b.capture(3, .incremental, parent: 2, generation: 2)
            do {
                _ = try await a.openCycle(capture, .incremental, parent: 2, generation: 2)
                Issue.record("an incremental cycle upon disks of another size was opened")
            } catch let error as RemoteError {
                #expect(error.code == .wrongParent && error.facts["because"]?.isEmpty == false)
            }
            try await b.close(3, committed: false, keep: 2, generation: 2)
            let held = try await b.cycle(4, .compare, parent: 2, generation: 2, to: a)
            #expect(try a.contents(of: 4) == held)
            b.hypervisor.write(randomBytes(5_000), to: b.guest, "vda", at: 700_000)
            let later = try await b.cycle(5, .incremental, parent: 4, generation: 2, to: a)
            try await poll("the journal is folded ahead") { try await a.prepareReplica(generation: 2).finished }
            #expect(try await a.describe().baseCycle == 5)
            #expect(try a.contents(of: 5) == later)
            #expect(try journey.contents(of: journey.image) == later)
            #expect(try kept(journey.image, a.protection, generation: 2) == Array(own[..<later.count]))
            #expect(try keptWhole(journey, a.protection, generation: 2) == own)
        }
    }

    /// The other side's disk grew. The snapshot ends where the disk did that it is of, and shows nothing that came since.
    @Test func whatWasKeptStaysWhenTheDiskGrows() async throws {
        try await withDiverged { journey, a, b in
            let own = a.hypervisor.contents(of: a.guest, "vda").contents
            try await a.adoptDisks(2, generation: 2, diverged: true, keepDiverged: true)
            // No whole number of the image's clusters.
            let size = 2 * AgentHarness.diskBytes + 512
            b.hypervisor.resize("vda", of: b.guest, to: size)
            b.hypervisor.write(randomBytes(Int(size)), to: b.guest, "vda", at: 0)
            let held = try await b.cycle(3, .compare, parent: 2, generation: 2, to: a)
            try await poll("the journal is folded ahead") { try await a.prepareReplica(generation: 2).finished }
            #expect(try journey.contents(of: journey.image) == held)
            let beyond = [UInt8](repeating: 0, count: held.count - own.count)
            #expect(try kept(journey.image, a.protection, generation: 2) == own + beyond)
            #expect(try keptWhole(journey, a.protection, generation: 2) == own)
        }
    }

    /// A sender that knows nothing of it leaves it out: the point is never made, and the next cycle has to compare.
    @Test func aCycleThatLeavesItOutIsRefused() async throws {
        try await withDiverged { _, a, b in
            try await a.adoptDisks(2, generation: 2, diverged: true)
            let capture = try await b.capture(3, .incremental, parent: 2, generation: 2)
            var opened = try await a.openCycle(capture, .incremental, parent: 2, generation: 2)
            opened.diverged = []
            let job = try await b.transfer(capture.disks[0], of: opened, attempt: 1)
            #expect(await refusal { try await a.commit(3, [job], generation: 2) } == .wrongParent)
            #expect(try await a.points().isEmpty)
            try await a.abort(3, generation: 2)
            try await b.close(3, committed: false, keep: 2, generation: 2)
            let again = try await b.capture(4, .incremental, parent: 2, generation: 2)
            #expect(
                await refusal { try await a.openCycle(again, .incremental, parent: 2, generation: 2) } == .wrongParent)
        }
    }

    /// Started by hand, or with its host, after its last changes were fetched.
    @Test func aGuestThatRanAgainIsNotAdoptedAsThePoint() async throws {
        try await withTwoSites { sites in
            let journey = Journey(sites: sites, crash: CrashAt(nil))
            try await sites.run { a, b in
                a.hypervisor.write(randomBytes(300_000), to: a.guest, "vda", at: 100_000)
                try journey.write(a.hypervisor.contents(of: a.guest, "vda").contents, to: journey.image, backing: nil)
                a.hypervisor.place("vda", of: a.guest, at: journey.image)
                try await a.stopGuest(generation: 1)
                try await a.cycle(1, .full, parent: 0, to: b)
                try await a.setSide(active: false, generation: 2)
                _ = try await b.startReplica(1, .failover, generation: 2)
                // QEMU writes its image, whoever started it.
                try journey.write(randomBytes(Int(AgentHarness.diskBytes)), to: journey.image, backing: nil)
                do {
                    try await a.adoptDisks(1, generation: 2)
                    Issue.record("disks that hold more than the point were adopted as it")
                } catch let error as RemoteError {
                    #expect(error.code == .failedPrecondition && error.facts["rule"] == "ran-again")
                    #expect(error.facts["images"] == journey.image)
                }
                #expect(!a.exists("manifest"))
                // Asked for, it is overwritten.
                try await a.adoptDisks(1, generation: 2, diverged: true)
                #expect(try await a.points().isEmpty)
            }
        }
    }

    /// The same where the guest ran from a replica: failing back, its host was away when it was to be adopted, and came
    /// back with its guest.
    @Test func aReplicasGuestThatRanAgainIsNotAdoptedAsThePoint() async throws {
        try await withTwoSites { sites in
            let journey = Journey(sites: sites, crash: CrashAt(nil))
            try await journey.runToReturn()
            try await sites.run { _, b in
                // Once more, because its overlay became a file only after it was stopped.
                try await b.stopGuest(generation: 3)
                b.hypervisor.write(randomBytes(30_000), to: b.guest, "vda", at: 200_000)
                try await journey.settled(b)
                let own = b.hypervisor.contents(of: b.guest, "vda").contents
                for _ in 1...2 {
                    do {
                        try await b.adoptDisks(4, generation: 3)
                        Issue.record("an overlay that holds more than the point was adopted as it")
                    } catch let error as RemoteError {
                        #expect(error.code == .failedPrecondition && error.facts["rule"] == "ran-again")
                    }
                }
                #expect(b.exists("failover") && b.hypervisor.isDefined(b.guest))
                // Asked for, it is overwritten.
                try await b.adoptDisks(4, generation: 3, diverged: true, keepDiverged: true)
                #expect(try await b.points().isEmpty)
                let copy = "\(b.settings.replicas)/bascule-diverged-g3-\(b.protection)/vda.qcow2"
                #expect(try journey.contents(of: copy) == own)
            }
        }
    }

    /// Putting an overlay on its base image changes it after the guest was stopped, and it is ourselves who do that.
    @Test func whatTheAgentChangesIsNoRunOfTheGuest() async throws {
        try await withTwoSites { sites in
            let journey = Journey(sites: sites, crash: CrashAt(nil))
            try await journey.runToReplicatedBack()
            let failure = HypervisorError(.operationFailed, "The image is in use.")
            try await sites.run { a, b in
                try await journey.settled(b)
                b.hypervisor.fail(.settleOnBase, with: failure, times: 1_000)
                try await b.stopGuest(generation: 2)
                try await b.cycle(4, .incremental, parent: 3, generation: 2, to: a)
                try await b.setSide(active: false, generation: 3)
            }
            let b = sites.target
            b.hypervisor.fail(.settleOnBase, with: failure)
            await #expect(throws: HypervisorError.self) {
                try await b.hypervisor.settleOnBase(guest: b.guest, directory: "", images: [:])
            }
            try await sites.runTarget { b in
                try await poll("the overlay is put on its base") { b.hypervisor.isOnBase(b.guest) }
                try await b.adoptDisks(4, generation: 3)
                #expect(try await b.points().map(\.cycle) == [4])
            }
        }
    }

    /// The side that ran from a replica: its base is raw and knows no snapshots, so whole copies are kept.
    @Test func whatARunningReplicaWroteIsCopiedAside() async throws {
        try await withTwoSites { sites in
            let journey = Journey(sites: sites, crash: CrashAt(nil))
            try await journey.runToReplicatedBack()
            try await sites.run { a, b in
                b.hypervisor.write(randomBytes(60_000), to: b.guest, "vda", at: 400_000)
                try await b.stopGuest(generation: 2)
                try await a.setSide(active: true, generation: 3)
                _ = try await a.startReplica(3, .failover, generation: 3, onBase: true)
                try await b.setSide(active: false, generation: 3)
                try await journey.settled(b)
                let own = b.hypervisor.contents(of: b.guest, "vda").contents
                try await b.adoptDisks(3, generation: 3, diverged: true, keepDiverged: true)
                try await b.adoptDisks(3, generation: 3, diverged: true, keepDiverged: true)
                let copy = "\(b.settings.replicas)/bascule-diverged-g3-\(b.protection)/vda.qcow2"
                #expect(try journey.contents(of: copy) == own)
                #expect(try await b.points().isEmpty)
                #expect(try await b.describe().newestCycle == 3)
                let capture = try await a.capture(4, .incremental, parent: 3, generation: 3)
                #expect(
                    await refusal { try await b.openCycle(capture, .incremental, parent: 3, generation: 3) }
                        == .wrongParent)
            }
        }
    }

    /// In the size that the disk had, as the manual page says.
    private func keptWhole(_ journey: Journey, _ protection: String, generation: UInt64) throws -> [UInt8] {
        let copy = journey.image + ".whole"
        try FileManager.default.copyItem(atPath: journey.image, toPath: copy)
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(atPath: copy) } }
        let name = DivergedSnapshot(protection: protection, generation: generation).name
        try Program.run("qemu-img", ["snapshot", "-a", name, copy])
        return try journey.contents(of: copy)
    }

    /// In the size that the disk has.
    private func kept(_ image: String, _ protection: String, generation: UInt64) throws -> [UInt8] {
        let copy = image + ".kept"
        let name = DivergedSnapshot(protection: protection, generation: generation).name
        try Program.run(
            "qemu-img", ["convert", "-l", "snapshot.name=\(name)", "-f", "qcow2", "-O", "raw", image, copy])
        return [UInt8](try Data(contentsOf: URL(filePath: copy)))
    }
}
