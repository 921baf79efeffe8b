import DeltaLog
import FoundationEssentials
import Glibc
import Repeatable
import Testing

@testable import Replica

/// A guest's own disks as the base of a replica, through QEMU.
@Suite(.enabled(if: GuestImages.missing.isEmpty), .serialized)
struct AdoptedImageTests {
    private struct Crash: Error {}

    private let guest = GuestModel.written

    @Test(arguments: GuestImages.Style.allCases)
    func cyclesAreTakenUponTheGuestsDisks(style: GuestImages.Style) throws {
        let fixture = try ReplicaFixture(adopting: guest, in: style)
        #expect(try fixture.replica.describe().baseCycle == 7)
        #expect(
            try fixture.replica.describe().adopted.map(\.isCompressed) == [style == .compressed, style == .compressed])
        try fixture.checkPoints()
        var random = SeededRandom(seed: 6)
        for _ in 0..<4 {
            fixture.guest.write(8, using: &random)
            try fixture.cycle()
        }
        try fixture.checkPoints()
        // Nothing is written to the guest's disks but by a fold.
        try fixture.checkImages(against: fixture.history[7])
        try fixture.replica.fold(upTo: 9)
        try fixture.checkPoints()
        try fixture.checkImages(against: fixture.history[9])
        try fixture.reopen()
        try fixture.checkPoints()
        #expect(try fixture.replica.scrub().faultCount == 0)
        try fixture.cycle(kind: .compare)
        try fixture.checkPoints()
        try fixture.replica.settle(on: 12)
        try fixture.checkImages(against: fixture.history[12])
        #expect(try fixture.files("base").isEmpty)
        for image in try fixture.replica.describe().adopted where style != .raw {
            let check = try GuestImages.run(["check", image.path])
            #expect(check.contains("No errors were found"))
        }
        #expect(try GuestImages.servers(of: fixture.parent).isEmpty)
    }

    @Test func backingFilesBitmapsAndSnapshotsStay() throws {
        let fixture = try ReplicaFixture(adopting: guest, in: .chainWithBitmaps)
        let lowest = try Data(contentsOf: URL(fileURLWithPath: fixture.parent + "/vda-lowest.raw"))
        fixture.guest.fill(0, blocks: 0..<200, with: 9)
        try fixture.cycle()
        try fixture.replica.settle(on: 8)
        #expect(try Data(contentsOf: URL(fileURLWithPath: fixture.parent + "/vda-lowest.raw")) == lowest)
        let image = try #require(try fixture.replica.describe().adopted.first)
        let information = try GuestImages.run(["info", image.path])
        #expect(information.contains("recording"))
        #expect(information.contains("resting"))
        #expect(!information.contains("in-use"))
        #expect(information.contains("backing file: \(fixture.parent)/vda-middle.qcow2"))
    }

    @Test(arguments: GuestImages.Style.allCases)
    func divergedDisksAreComparedFirst(style: GuestImages.Style) throws {
        let fixture = try ReplicaFixture(adopting: guest, in: style, isDiverged: true)
        let description = try fixture.replica.describe()
        #expect(description.isDiverged)
        #expect(description.newestCycle == 7)
        #expect(fixture.replica.points().isEmpty)
        #expect(code { try fixture.replica.view(cycle: 7) } == .notFound)
        #expect(code { try fixture.replica.view() } == .notFound)
        #expect(code { try ReplicaView.open(directory: fixture.directory, cycle: nil) } == .notFound)
        #expect(try ReplicaView.points(in: fixture.directory).isEmpty)
        #expect(code { try fixture.replica.markRunning(from: 7) } == .notFound)
        #expect(code { try fixture.replica.settle(on: 7) } == .notFound)
        #expect(code { try fixture.replica.openCycle(fixture.opening(8, kind: .incremental)) } == .wrongParent)
        // What the other side went on with is something else than what was written here.
        var random = SeededRandom(seed: 8)
        fixture.guest.write(30, using: &random)
        try fixture.cycle(kind: .compare)
        try fixture.checkPoints()
        fixture.guest.write(3, using: &random)
        try fixture.cycle()
        try fixture.reopen()
        try fixture.checkPoints()
        #expect(fixture.replica.points().map(\.cycle) == [8, 9])
        try fixture.replica.fold(upTo: 8)
        #expect(try !fixture.replica.describe().isDiverged)
        try fixture.checkPoints()
        try fixture.replica.settle(on: 9)
        try fixture.checkImages(against: fixture.history[9])
    }

    @Test func disksThatGrowShrinkComeAndGo() throws {
        let fixture = try ReplicaFixture(adopting: guest, in: .chainWithBitmaps)
        let own = fixture.parent + "/vdb, own.qcow2"
        let before = fixture.guest.contents["vdb"]
        fixture.guest.resize(0, blocks: 500)
        fixture.guest.fill(0, blocks: 450..<460, with: 3)
        fixture.guest.add("vdc", blocks: 20)
        fixture.guest.fill(2, blocks: 3..<9, with: 4)
        fixture.guest.remove("vdb")
        try fixture.cycle(kind: .compare)
        try fixture.checkPoints()
        try fixture.replica.fold(upTo: 8)
        try fixture.checkPoints()
        try fixture.checkImages(against: fixture.history[8])
        #expect(try fixture.replica.describe().adopted.map(\.target) == ["vda"])
        #expect(try fixture.files("base") == ["vdc"])
        // The guest's own stays, though the guest has it no more.
        let image = AdoptedImage(target: "vdb", path: own, format: .qcow2, sizeBytes: 40 * 4_096)
        #expect(try GuestImages.bytes(image) == before)
        fixture.guest.resize(0, blocks: 100)
        try fixture.cycle(kind: .compare)
        #expect(code { try fixture.replica.keepAddedDisks(at: ["vdc": fixture.parent + "/vdc.raw"]) } == .inUse)
        #expect(code { try fixture.replica.settle(on: 9) } == nil)
        try fixture.checkImages(against: fixture.history[9])
        #expect(code { try fixture.replica.release() } == .invalidArgument)
        try Data([1]).write(to: URL(fileURLWithPath: fixture.parent + "/taken"))
        #expect(code { try fixture.replica.keepAddedDisks(at: ["vdc": fixture.parent + "/taken"]) } == .alreadyExists)
        try fixture.reopen(failpoints: FailpointHook { if CrashPlaces.ofAddedDisks.contains($0) { throw Crash() } })
        #expect(throws: Crash.self) { try fixture.replica.keepAddedDisks(at: ["vdc": fixture.parent + "/vdc.raw"]) }
        try fixture.reopen()
        try fixture.replica.keepAddedDisks(at: ["vdc": fixture.parent + "/vdc.raw"])
        #expect(try fixture.files("base").isEmpty)
        try fixture.checkPoints()
        try fixture.checkImages(against: fixture.history[9])
        try fixture.replica.release()
        #expect(!FileManager.default.fileExists(atPath: fixture.directory))
        #expect(FileManager.default.fileExists(atPath: fixture.parent + "/vdc.raw"))
    }

    @Test func deletingAndReleasingLeaveTheImages() throws {
        for isReleased in [false, true] {
            let fixture = try ReplicaFixture(adopting: guest, in: .chainWithBitmaps)
            fixture.guest.fill(0, blocks: 3..<30, with: 8)
            try fixture.cycle()
            let images = try fixture.replica.describe().adopted
            #expect(code { try fixture.replica.release() } == .inUse)
            if isReleased {
                try fixture.replica.settle(on: 8)
                try fixture.replica.markRunning(from: 8)
                try fixture.replica.release()
            } else {
                try fixture.replica.delete()
            }
            #expect(!FileManager.default.fileExists(atPath: fixture.directory))
            for image in images {
                let isEqual = try GuestImages.bytes(image) == fixture.history[isReleased ? 8 : 7]?[image.target]
                #expect(isEqual)
            }
        }
    }

    /// A view of the point reads its bytes while the images beneath are written.
    @Test(arguments: [GuestImages.Style.raw, .chainWithBitmaps, .smallClustersWithSnapshot])
    func aViewReadsItsBytesWhileTheImagesAreWritten(style: GuestImages.Style) throws {
        let hook = CallableHook()
        let fixture = try ReplicaFixture(adopting: guest, in: style, failpoints: hook.hook)
        var random = SeededRandom(seed: 12)
        for _ in 0..<5 {
            fixture.guest.write(25, using: &random)
            try fixture.cycle()
        }
        let view = try ReplicaView.open(directory: fixture.directory, cycle: 11)
        try view.check(against: fixture.history[11])
        try hook.calling { failpoint in
            try view.check(against: fixture.history[11])
            if failpoint == .foldDiskWritten {
                try ReplicaView.open(directory: fixture.directory, cycle: 11).check(against: fixture.history[11])
            }
        } during: {
            try fixture.replica.settle(on: 11)
        }
        try view.check(against: fixture.history[11])
        try fixture.checkImages(against: fixture.history[11])
    }

    /// Writing frees compressed clusters, and what a reader knows of them would be wrong.
    @Test func compressedImagesAreNotWrittenBeneathViews() throws {
        let hook = CallableHook()
        let fixture = try ReplicaFixture(adopting: guest, in: .compressed, failpoints: hook.hook)
        fixture.guest.fill(0, blocks: 3..<30, with: 8)
        try fixture.cycle()
        var view: ReplicaView? = try fixture.replica.view(cycle: 8)
        #expect(code { try fixture.replica.fold(upTo: 8) } == .inUse)
        try view?.check(against: fixture.history[8])
        view = nil
        try hook.calling { failpoint in
            guard failpoint == .foldDiskWritten else { return }
            #expect(code { try ReplicaView.open(directory: fixture.directory, cycle: 8) } == .inUse)
            #expect(code { try fixture.replica.view(cycle: 8) } == .inUse)
        } during: {
            try fixture.replica.fold(upTo: 8)
        }
        try fixture.checkPoints()
        try fixture.checkImages(against: fixture.history[8])
    }

    @Test func imagesThatDoNotFitAreRefused() throws {
        let parent = ReplicaFixture.uniqueParent()
        try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: false)
        defer { unlinkTree(parent) }
        let guest = guest
        let images = try GuestImages.make(guest, style: .chainWithBitmaps, in: parent)
        func adopt(_ change: (inout [AdoptedImage]) -> Void) -> ReplicaError.Code? {
            var changed = images
            change(&changed)
            return code {
                try Replica.adopt(
                    directory: parent + "/replica", identity: ReplicaFixture.identity, generation: 1,
                    point: .exact(ReplicaFixture.adoptedPoint(guest)), guest: ReplicaFixture.configuration(7),
                    images: changed)
            }
        }
        #expect(adopt { $0.removeLast() } == .invalidArgument)
        #expect(adopt { $0[0].sizeBytes += 512 } == .invalidArgument)
        #expect(adopt { $0[0].path = "relative.qcow2" } == .invalidArgument)
        #expect(adopt { $0[1].path = $0[0].path } == .invalidArgument)
        #expect(adopt { $0[0].path += ".gone" } == .system)
        // A qcow2 file read as raw has another size.
        #expect(adopt { $0[0].format = .raw } == .invalidArgument)
        #expect(!FileManager.default.fileExists(atPath: parent + "/replica"))
        // A guest that runs has its disks open.
        let other = try ServedBaseImage(images[1], access: .writing)
        #expect(adopt { _ in } == .inUse)
        try other.close()
        #expect(adopt { _ in } == nil)
    }

    @Test func aMissingImageIsNeverReadAsZeros() throws {
        let fixture = try ReplicaFixture(adopting: guest, in: .raw)
        let path = try #require(try fixture.replica.describe().adopted.first?.path)
        try FileManager.default.moveItem(atPath: path, toPath: path + ".away")
        #expect(code { try fixture.replica.view() } == .system)
        #expect(try fixture.replica.scrub().faultCount == 1)
        fixture.guest.fill(0, blocks: 3..<30, with: 8)
        try fixture.cycle()
        #expect(code { try fixture.replica.fold(upTo: 8) } != nil)
        #expect(!FileManager.default.fileExists(atPath: path))
        try FileManager.default.moveItem(atPath: path + ".away", toPath: path)
        try fixture.replica.fold(upTo: 8)
        try fixture.checkPoints()
    }

    @Test func aReaderWhoseServerWasKilledGoesOn() throws {
        let fixture = try ReplicaFixture(adopting: guest, in: .chainWithBitmaps)
        let view = try fixture.replica.view()
        try view.check(against: fixture.history[7])
        let servers = try GuestImages.servers(of: fixture.parent).compactMap { pid_t($0) }
        #expect(servers.count == 2)
        for server in servers { kill(server, SIGKILL) }
        try view.check(against: fixture.history[7])
        #expect(try GuestImages.servers(of: fixture.parent).count == 2)
    }

    /// The work is done again after a failure at each step, which leaves no process behind.
    @Test(arguments: [
        Failpoint.manifestRenamed, .settleAnnounced, .foldStarted, .foldDiskWritten, .foldWritten, .foldSynced,
        .foldSettled,
    ])
    func aFoldIsDoneAgainAfterAFailure(failpoint: Failpoint) throws {
        let fixture = try ReplicaFixture(adopting: guest, in: .chainWithBitmaps, isDiverged: true)
        var random = SeededRandom(seed: 3)
        fixture.guest.write(20, using: &random)
        try fixture.cycle(kind: .compare)
        fixture.guest.write(20, using: &random)
        try fixture.cycle()
        try fixture.reopen(failpoints: FailpointHook { if $0 == failpoint { throw Crash() } })
        #expect(throws: (any Error).self) { try fixture.replica.settle(on: 9) }
        #expect(try GuestImages.servers(of: fixture.parent).isEmpty)
        try fixture.reopen()
        try fixture.replica.checkPoints(against: fixture.history)
        try fixture.replica.settle(on: 9)
        try fixture.checkPoints()
        try fixture.checkImages(against: fixture.history[9])
    }

    // MARK: Killing a child

    /// Another process adopts, takes cycles, and kills itself in the middle of a fold: its qemu-nbd goes with it, and
    /// the next owner can write at once.
    @Test(arguments: [Failpoint.foldStarted, .imageAnnounced, .foldDiskWritten, .imageNoted, .foldSynced])
    func aKilledOwnerLeavesNoProcessAndNoDamage(failpoint: Failpoint) async throws {
        let parent = ReplicaFixture.uniqueParent()
        let failpointName = failpoint.rawValue
        await #expect(processExitsWith: .signal(SIGKILL)) {
            [parent = parent as String, failpointName = failpointName as String] in
            try AdoptedScenario.run(in: parent, killedAt: failpointName)
        }
        // The kernel has sent the signal; the process is gone when it has been handled.
        let deadline = ContinuousClock.now + .seconds(10)
        while try !GuestImages.servers(of: parent).isEmpty, ContinuousClock.now < deadline { poll(nil, 0, 10) }
        #expect(try GuestImages.servers(of: parent).isEmpty)
        let contents = AdoptedScenario.contents
        let replica = try Replica.open(directory: parent + "/replica")
        // What it was writing itself spoils nothing.
        #expect(replica.points().map(\.cycle) == [9])
        try replica.checkPoints(against: contents)
        try replica.settle(on: 9)
        try replica.checkPoints(against: contents)
        for image in try replica.describe().adopted {
            let isEqual = try GuestImages.bytes(image) == contents[9]?[image.target]
            #expect(isEqual)
        }
        replica.close()
        unlinkTree(parent)
    }
}

/// The same life of a replica in two processes.
enum AdoptedScenario {
    private static func guest(at cycle: UInt64) -> GuestModel {
        var guest = GuestModel()
        guest.add("vda", blocks: 300)
        var random = SeededRandom(seed: 31)
        guest.write(30, using: &random)
        for _ in 7..<cycle { guest.write(20, using: &random) }
        return guest
    }

    static var contents: [UInt64: [String: [UInt8]]] {
        Dictionary(uniqueKeysWithValues: (7...9 as ClosedRange<UInt64>).map { ($0, guest(at: $0).contents) })
    }

    static func run(in parent: String, killedAt failpoint: String) throws {
        let fixture = try ReplicaFixture(
            adopting: guest(at: 7), in: .chainWithBitmaps, parent: parent,
            failpoints: FailpointHook { if $0.rawValue == failpoint { kill(getpid(), SIGKILL) } })
        for cycle in 8...9 as ClosedRange<UInt64> {
            fixture.guest = guest(at: cycle)
            try fixture.cycle(kind: .compare)
        }
        // A reader beside the writer.
        let view = try fixture.replica.view(cycle: 9)
        try fixture.replica.settle(on: 9)
        withExtendedLifetime(view) {}
    }
}

func unlinkTree(_ path: String) {
    do { try FileManager.default.removeItem(atPath: path) } catch { Issue.record("\(path) stays: \(error)") }
}
