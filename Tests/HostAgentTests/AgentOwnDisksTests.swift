import BlockDevice
import FoundationEssentials
import Hypervisor
import Messages
import Testing

@testable import HostAgent

/// A guest that is started on its own disks, which were the base of a replica, and does not start: its point is listed
/// for as long as the guest cannot have written to them, and not a moment longer.
@Suite(.serialized, .enabled(if: ViewPluginForTests.isThere, ViewPluginForTests.reason))
struct AgentOwnDisksTests {
    private func withReturn(_ body: @escaping (_ a: AgentHarness, _ b: AgentHarness) async throws -> Void) async throws
    {
        try await withTwoSites { sites in
            try await Journey(sites: sites, crash: CrashAt(nil)).runToReturn()
            try await sites.run { a, b in try await body(a, b) }
        }
    }

    private func start(_ a: AgentHarness) async throws -> ReplicaStarted {
        try await a.startReplica(4, .failover, generation: 3, onBase: true)
    }

    private static let failure = HypervisorError(.hostUnfit, "The host lacks something.", remedy: "Give it.")

    @Test func aGuestThatCannotBeMadeReadyLeavesItsPoint() async throws {
        try await withReturn { a, b in
            try await a.setSide(active: true, generation: 3)
            a.hypervisor.fail(.startTracked, with: Self.failure)
            #expect(await refusal { try await start(a) } == .failedPrecondition)
            #expect(try await a.points().map(\.cycle) == [4])
            #expect(try await a.describe().runningCycle == 0)
            #expect(try a.contents(of: 4) == b.hypervisor.contents(of: b.guest, "vda").contents)
            #expect(try await start(a).cycle == 4)
            #expect(!a.exists("manifest"))
        }
    }

    @Test func onceItMayHaveWrittenThePointIsNotListed() async throws {
        try await withReturn { a, _ in
            try await a.setSide(active: true, generation: 3)
            a.hypervisor.fail(.resume, with: Self.failure)
            #expect(await refusal { try await start(a) } == .failedPrecondition)
            #expect(try await a.points().isEmpty)
            #expect(try await a.describe().runningCycle == 4)
            #expect(throws: (any Error).self) { try a.contents(of: 4) }
            // Neither another point nor a test is started from it, and no cycle is taken.
            #expect(await refusal { try await a.startReplica(4, .test, generation: 3) } == .notFound)
            #expect(await refusal { try await a.prepareReplica(generation: 3) } == .failedPrecondition)
            #expect(try await start(a).cycle == 4)
            #expect(!a.exists("manifest") && !FileManager.default.fileExists(atPath: a.replicaDirectory))
        }
    }

    /// The definition at home does not know it, so it is said where it is.
    @Test func aDiskThatWasAddedAtTheOtherSideIsToldOf() async throws {
        try await withTwoSites { sites in
            try await Journey(sites: sites, crash: CrashAt(nil)).runToReplicatedBack()
            try await sites.run { a, b in
                b.hypervisor.addDisk("vdb", sizeBytes: AgentHarness.diskBytes, to: b.guest)
                b.hypervisor.write(randomBytes(40_000), to: b.guest, "vdb", at: 5_000)
                try await b.stopGuest(generation: 2)
                let held = b.hypervisor.contents(of: b.guest, "vdb").contents
                let capture = try await b.capture(4, .full, parent: 3, generation: 2)
                let opened = try await a.openCycle(capture, .full, parent: 3, generation: 2)
                var jobs: [StoredJob] = []
                for (index, disk) in capture.disks.enumerated() {
                    jobs.append(
                        try await a.transfer(disk, index: UInt16(index), of: opened, attempt: UInt32(index) + 1))
                }
                try await b.keepCapture(4, generation: 2)
                _ = try await a.commit(4, jobs, generation: 2)
                try await b.close(4, committed: true, generation: 2)
                try await b.setSide(active: false, generation: 3)
                try await a.setSide(active: true, generation: 3)
                let started = try await start(a)
                let warning = try #require(started.warnings.first { $0.contains("Disk vdb, ") })
                let path = try #require(warning.firstMatch(of: /is (\/\S+-vdb\.raw) here/)?.output.1)
                #expect(FileManager.default.contents(atPath: String(path)).map { Array($0) } == held)
                #expect(warning.contains("Convert it to qcow2"))
            }
        }
    }

    /// The run is taken back: the other side goes on, and what is here is compared before it is believed.
    @Test func takenBackItIsADivergedBase() async throws {
        try await withReturn { a, b in
            try await a.setSide(active: true, generation: 3)
            a.hypervisor.fail(.resume, with: Self.failure)
            #expect(await refusal { try await start(a) } == .failedPrecondition)
            try await a.stopReplica(.failover, generation: 3)
            try await a.stopReplica(.failover, generation: 3)
            #expect(try await a.points().isEmpty)
            let described = try await a.describe()
            #expect(described.runningCycle == 0 && described.newestCycle == 4)
            try await a.setSide(active: false, generation: 4)
            try await b.setSide(active: true, generation: 4)
            try await b.startGuest(generation: 4)
            b.hypervisor.write(randomBytes(50_000), to: b.guest, "vda", at: 10_000)
            let capture = try await b.capture(5, .incremental, parent: 4, generation: 4)
            #expect(
                await refusal { try await a.openCycle(capture, .incremental, parent: 4, generation: 4) } == .wrongParent
            )
            try await b.close(5, committed: false, keep: 4, generation: 4)
            let held = try await b.cycle(6, .compare, parent: 4, generation: 4, to: a)
            #expect(try a.contents(of: 6) == held)
            #expect(try await a.points().map(\.cycle) == [6])
        }
    }

    /// An agent that ended before it noted that the guest runs does not begin its first checkpoint anew: the other side
    /// holds the point, so what the guest wrote in its first run has to go there, or everything is compared.
    @Test(arguments: [false, true])
    func whatItWroteBeforeItIsStartedAgainIsReplicated(crashing: Bool) async throws {
        try await withTwoSites { sites in
            try await Journey(sites: sites, crash: CrashAt(nil)).runToReturn()
            let crash = CrashAt(.baseGuestRuns)
            try await sites.run(ending: .asAfterACrash, steps: crash.hook) { a, b in
                // What the in-memory guest has in hand is not its file.
                a.hypervisor.write(b.hypervisor.contents(of: b.guest, "vda").contents, to: a.guest, "vda", at: 0)
                try await a.setSide(active: true, generation: 3)
                #expect(await refusal { try await start(a) } != nil)
                #expect(crash.happened)
                a.hypervisor.write(randomBytes(20_000), to: a.guest, "vda", at: 300_000)
                if crashing {
                    a.hypervisor.crash(guest: a.guest)
                } else {
                    try await a.hypervisor.shutdown(guest: a.guest)
                }
            }
            try await sites.run { a, b in
                #expect(try await start(a).cycle == 4)
                try await b.adoptDisks(4, generation: 3)
                a.hypervisor.write(randomBytes(20_000), to: a.guest, "vda", at: 700_000)
                if crashing {
                    #expect(
                        await refusal { try await a.capture(5, .incremental, parent: 4, generation: 3) }
                            == .failedPrecondition)
                }
                let held = try await a.cycle(
                    5, crashing ? .compare : .incremental, parent: 4, generation: 3, to: b)
                #expect(try b.contents(of: 5) == held)
            }
        }
    }

    /// An agent that ended in the middle of taking it back.
    @Test func takingBackIsFinished() async throws {
        try await withTwoSites { sites in
            try await Journey(sites: sites, crash: CrashAt(nil)).runToReturn()
            let crash = CrashAt(.stopUnmarked)
            try await sites.run(ending: .asAfterACrash, steps: crash.hook) { a, _ in
                try await a.setSide(active: true, generation: 3)
                a.hypervisor.fail(.resume, with: Self.failure)
                #expect(await refusal { try await start(a) } == .failedPrecondition)
                #expect(await refusal { try await a.stopReplica(.failover, generation: 3) } != nil)
                #expect(crash.happened)
            }
            try await sites.run { a, _ in
                try await a.stopReplica(.failover, generation: 3)
                #expect(!a.exists("failover"))
                #expect(try await a.points().isEmpty)
                #expect(try await a.describe().runningCycle == 0)
            }
        }
    }
}
