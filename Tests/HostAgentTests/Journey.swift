import BlockDevice
import DeltaLog
import FoundationEssentials
import Glibc
import Hypervisor
import Messages
import Replica
import Testing

@testable import HostAgent

/// A guest on a real image goes to the other side and home again, as a planned failover and a failback do it. Each step
/// runs on agents that were started afresh; one that ends in a crash is done again.
struct Journey: Sendable {
    let sites: TwoSites
    let crash: CrashAt
    /// Whether the guest's own image holds compressed clusters, as a cloud image does.
    var isCompressed = false

    private typealias Step = @Sendable (_ a: AgentHarness, _ b: AgentHarness) async throws -> Void

    var image: String { "\(sites.source.directory)/own.qcow2" }
    private var overlay: String { "\(sites.target.directory)/replicas/\(sites.target.protection)/failover/vda.qcow2" }

    func run() async throws {
        try await run([leave, adoptAtHome, replicateBack, returnHome, startAtHome, adoptAway, replicateAgain])
    }

    /// Up to where the guest runs away from home, and is replicated back as point 3.
    func runToReplicatedBack() async throws { try await run([leave, adoptAtHome, replicateBack]) }

    /// Up to where the guest is to be started at home again, on point 4.
    func runToReturn() async throws { try await run([leave, adoptAtHome, replicateBack, returnHome]) }

    private func run(_ steps: [Step]) async throws {
        for step in steps {
            do {
                try await sites.run(ending: .asAfterACrash, steps: crash.hook, step)
            } catch  where crash.happened {
                try await sites.run(ending: .asAfterACrash, checkPoints)
                try await sites.run(ending: .asAfterACrash, step)
            }
        }
    }

    /// Where the guest may have written to the disks that a point is read from, the point is not listed.
    private func checkPoints(_ a: AgentHarness, _ b: AgentHarness) async throws {
        guard a.exists("manifest"), a.exists("failover") else { return }
        let replica = try await a.describe()
        let mayWrite = [StartedStep.baseHandedOver, .baseGuestRuns, .baseNoted].contains(crash.step)
        #expect(try await a.points().map(\.cycle) == (mayWrite ? [] : [4]) || crash.step == .baseRecorded)
        #expect(replica.runningCycle == (mayWrite ? 4 : 0))
        if try await a.power() == .running { #expect(mayWrite) }
    }

    // MARK: There

    /// UEFI variables go along in both directions.
    private static let variables: [UInt8] = [1, 2, 3]
    /// As the guest changes them while it is away.
    private static let changed: [UInt8] = [4, 5, 6]

    private func leave(_ a: AgentHarness, _ b: AgentHarness) async throws {
        a.hypervisor.changeFirmware(Self.variables, of: a.guest)
        a.hypervisor.write(randomBytes(300_000), to: a.guest, "vda", at: 100_000)
        try await a.cycle(1, .full, parent: 0, to: b)
        a.hypervisor.write(randomBytes(100_000), to: a.guest, "vda", at: 600_000)
        _ = try await a.hypervisor.setAutostart(a.guest, true)
        try await a.stopGuest(generation: 1)
        try await a.cycle(2, .incremental, parent: 1, to: b)
        try write(a.hypervisor.contents(of: a.guest, "vda").contents, to: image, backing: nil)
        if isCompressed {
            try Program.run("qemu-img", ["convert", "-c", "-f", "qcow2", "-O", "qcow2", image, image + ".compressed"])
            try #require(rename(image + ".compressed", image) == 0)
        }
        a.hypervisor.place("vda", of: a.guest, at: image)
        try await a.setSide(active: false, generation: 2)
        #expect(!a.hypervisor.startsWithHost(a.guest))
        try await b.setSide(active: true, generation: 2)
        _ = try await b.startReplica(2, .failover, generation: 2)
    }

    private func adoptAtHome(_ a: AgentHarness, _ b: AgentHarness) async throws {
        try await a.adoptDisks(2, generation: 2)
        try await a.adoptDisks(2, generation: 2)
        let replica = try await a.describe()
        #expect(replica.adopted && replica.baseCycle == 2 && replica.newestCycle == 2 && replica.generation == 2)
        #expect(a.hypervisor.checkpoints(of: a.guest).isEmpty && a.hypervisor.isDefined(a.guest))
        #expect(try ReplicaView.open(directory: a.replicaDirectory, cycle: 2).guest.nvram == Self.variables)
        #expect(try a.contents(of: 2) == b.hypervisor.contents(of: b.guest, "vda").contents)
        #expect(await refusal { try await a.startGuest(generation: 2) } == .failedPrecondition)
    }

    private func replicateBack(_ a: AgentHarness, _ b: AgentHarness) async throws {
        b.hypervisor.write(randomBytes(50_000), to: b.guest, "vda", at: 10_000)
        let held = try await b.cycle(3, .incremental, parent: 2, generation: 2, to: a)
        #expect(try a.contents(of: 3) == held)
        try await poll("the journal is folded ahead") { try await a.prepareReplica(generation: 2).finished }
        #expect(try await a.describe().baseCycle == 3)
    }

    // MARK: And back

    private func returnHome(_ a: AgentHarness, _ b: AgentHarness) async throws {
        b.hypervisor.write(randomBytes(70_000), to: b.guest, "vda", at: 900_000)
        b.hypervisor.changeFirmware(Self.changed, of: b.guest)
        try await b.stopGuest(generation: 2)
        let held = try await b.cycle(4, .incremental, parent: 3, generation: 2, to: a)
        try await b.setSide(active: false, generation: 3)
        #expect(try a.contents(of: 4) == held)
        // The overlay as QEMU would have left it. Base images are thin until the replica is settled.
        try await settled(b)
    }

    /// Ended between handing over and the first instruction, nobody knows whether the guest wrote.
    private var isTracked: Bool { crash.step != .baseHandedOver }

    private func startAtHome(_ a: AgentHarness, _ b: AgentHarness) async throws {
        try await a.setSide(active: true, generation: 3)
        let started = try await a.startReplica(4, .failover, generation: 3, onBase: true)
        #expect(try await a.startReplica(4, .failover, generation: 3, onBase: true) == started)
        #expect(started.guestUuid == a.guest && started.cycle == 4)
        #expect(try contents(of: image) == b.hypervisor.contents(of: b.guest, "vda").contents)
        #expect(try await a.hypervisor.firmware(of: a.guest) == Self.changed)
        #expect(a.hypervisor.checkpoints(of: a.guest).isEmpty != isTracked && a.hypervisor.startsWithHost(a.guest))
        #expect(!FileManager.default.fileExists(atPath: a.replicaDirectory))
        #expect(try await a.describeSide().failover == started)
        #expect(await refusal { try await a.stopReplica(.failover, generation: 3) } == .failedPrecondition)
        // What the in-memory guest has in hand is not its file.
        a.hypervisor.write(try contents(of: image), to: a.guest, "vda", at: 0)
    }

    private func adoptAway(_ a: AgentHarness, _ b: AgentHarness) async throws {
        let held = b.hypervisor.isDefined(b.guest) ? b.hypervisor.contents(of: b.guest, "vda").contents : []
        try await b.adoptDisks(4, generation: 3)
        try await b.adoptDisks(4, generation: 3)
        let replica = try await b.describe()
        #expect(!replica.adopted && replica.baseCycle == 4 && replica.runningCycle == 0 && replica.generation == 3)
        #expect(!b.hypervisor.isDefined(b.guest) && b.views().isEmpty && !b.exists("failover"))
        #expect(try ReplicaView.open(directory: b.replicaDirectory, cycle: 4).guest.nvram == Self.changed)
        if !held.isEmpty { #expect(try b.contents(of: 4) == held) }
    }

    private func replicateAgain(_ a: AgentHarness, _ b: AgentHarness) async throws {
        a.hypervisor.write(randomBytes(20_000), to: a.guest, "vda", at: 0)
        if !isTracked {
            #expect(
                await refusal { try await a.capture(5, .incremental, parent: 4, generation: 3) } == .failedPrecondition)
        }
        let held = try await a.cycle(5, isTracked ? .incremental : .compare, parent: 4, generation: 3, to: b)
        #expect(try b.contents(of: 5) == held)
    }

    // MARK: Images

    func settled(_ b: AgentHarness) async throws {
        try await poll("the commit ends") { try await b.commitReplica(generation: 3).finished }
        let base = "\(b.replicaDirectory)/base/vda"
        try write(b.hypervisor.contents(of: b.guest, "vda").contents, to: overlay, backing: base)
        b.hypervisor.place("vda", of: b.guest, at: overlay)
    }

    func write(_ bytes: [UInt8], to path: String, backing: String?) throws {
        let raw = path + ".raw"
        try Data(bytes).write(to: URL(filePath: raw))
        let upon = backing.map { ["-B", $0, "-F", "raw"] } ?? []
        try Program.run("qemu-img", ["convert", "-f", "raw", "-O", "qcow2"] + upon + [raw, path])
        try FileManager.default.removeItem(atPath: raw)
    }

    func contents(of path: String) throws -> [UInt8] {
        let raw = path + ".raw"
        try Program.run("qemu-img", ["convert", "-f", "qcow2", "-O", "raw", path, raw])
        defer { unlink(raw) }
        return [UInt8](try Data(contentsOf: URL(filePath: raw)))
    }
}
