import DeltaLog
import FoundationEssentials
import Glibc
import Repeatable
import Testing

@testable import Replica

/// What a guest wrote while it ran from a replica, taken into the base.
@Suite(.enabled(if: GuestImages.missing.isEmpty), .serialized)
struct ReplicaAbsorbTests {
    private struct Crash: Error {}

    /// A replica settled on cycle 5, and overlays upon a view of it that hold what the guest wrote since.
    private func prepared(failpoints: FailpointHook = .none) throws -> (ReplicaFixture, overlays: [String: String]) {
        let fixture = try ReplicaFixture()
        try CrashScenario.prepare(fixture)
        try fixture.replica.markRunning(from: 5)
        try fixture.replica.settle(on: 5)
        try fixture.reopen(failpoints: failpoints)
        return (fixture, try write(fixture))
    }

    private func write(_ fixture: ReplicaFixture) throws -> [String: String] {
        var random = SeededRandom(seed: 77)
        fixture.guest.resize(0, blocks: 60)
        fixture.guest.add("vdc", blocks: 30)
        fixture.guest.write(12, using: &random)
        fixture.guest.fill(0, blocks: 50..<55, with: 17)
        return try Dictionary(
            uniqueKeysWithValues: fixture.guest.disks.map { disk in
                let overlay = "\(fixture.parent)/\(disk.target).overlay"
                let content = "\(fixture.parent)/content"
                try Data(disk.bytes).write(to: URL(fileURLWithPath: content))
                defer { unlink(content) }
                var command = ["convert", "-f", "raw", "-O", "qcow2"]
                // Made upon the base, which holds what the view holds; a disk that came later has nothing beneath.
                if disk.target != "vdc" {
                    command += ["-B", fixture.directory + "/base/" + disk.target, "-F", "raw"]
                }
                try GuestImages.run(command + [content, overlay])
                try GuestImages.run(["bitmap", "--add", overlay, "bascule-6"])
                if disk.target != "vdc" {
                    // As the view left it: a server that is gone.
                    try GuestImages.run([
                        "rebase", "-u", "-f", "qcow2", "-F", "raw", "-b",
                        "nbd+unix:///\(disk.target)?socket=/nonexistent/socket",
                        overlay,
                    ])
                }
                return (disk.target, overlay)
            })
    }

    private func absorb(
        _ fixture: ReplicaFixture, _ overlays: [String: String], cycle: UInt64 = 9, isDiverged: Bool = false
    ) throws {
        let point = ReplicaFixture.adoptedPoint(fixture.guest, cycle: cycle)
        try fixture.replica.absorb(
            overlays: overlays, point: isDiverged ? .diverged(point) : .exact(point),
            guest: ReplicaFixture.configuration(cycle))
    }

    /// The other side may run from the very point that this one ran from.
    @Test func disksThatDivergedMayStandForThePointThatTheyRanFrom() throws {
        let (fixture, overlays) = try prepared()
        let error = #expect(throws: ReplicaError.self) { try absorb(fixture, overlays, cycle: 5) }
        #expect(error?.code == .invalidArgument)
        try absorb(fixture, overlays, cycle: 5, isDiverged: true)
        #expect(fixture.replica.points().isEmpty && fixture.replica.runningCycle == nil)
        #expect(throws: ReplicaError.self) { try fixture.replica.openCycle(fixture.opening(6, kind: .incremental)) }
        fixture.guest.fill(0, blocks: 3..<6, with: 9)
        try fixture.cycle(6, kind: .compare)
        try fixture.checkPoints()
        try fixture.reopen()
        try fixture.checkPoints()
    }

    @Test func theReplicaGoesOnFromWhatTheGuestWrote() throws {
        let (fixture, overlays) = try prepared()
        try absorb(fixture, overlays)
        #expect(overlays.values.allSatisfy { !FileManager.default.fileExists(atPath: $0) })
        fixture.noteCommitted(9)
        #expect(fixture.replica.points().map(\.cycle) == [9])
        #expect(
            fixture.replica.points().first?.identifier
                == ReplicaFixture.adoptedPoint(fixture.guest, cycle: 9).identifier)
        #expect(fixture.replica.runningCycle == nil)
        try fixture.replica.checkPoints(against: fixture.history)
        // Again, after the answer was lost.
        try absorb(fixture, overlays)
        fixture.guest.fill(1, blocks: 2..<5, with: 3)
        try fixture.cycle()
        try fixture.reopen()
        try fixture.checkPoints()
        try fixture.replica.fold(upTo: 10)
        try fixture.checkPoints()
    }

    @Test func whatDivergedIsNoPoint() throws {
        let (fixture, overlays) = try prepared()
        try absorb(fixture, overlays, isDiverged: true)
        #expect(fixture.replica.points().isEmpty)
        #expect(try fixture.replica.describe().newestCycle == 9)
        fixture.returnToPoint(9, guest: fixture.guest)
        #expect(code { try fixture.replica.openCycle(fixture.opening(10, kind: .incremental)) } == .wrongParent)
        fixture.guest.fill(0, blocks: 1..<7, with: 91)
        try fixture.cycle(kind: .compare)
        try fixture.replica.checkPoints(against: fixture.history)
        #expect(fixture.replica.points().map(\.cycle) == [10])
    }

    @Test func overlaysThatDoNotFitAreRefused() throws {
        let (fixture, overlays) = try prepared()
        #expect(code { try absorb(fixture, overlays.filter { $0.key != "vdb" }) } == .invalidArgument)
        #expect(code { try absorb(fixture, overlays.merging(["vdx": "/x"]) { $1 }) } == .invalidArgument)
        #expect(code { try absorb(fixture, overlays, cycle: 5) } == .invalidArgument)
        #expect(code { try absorb(fixture, overlays.merging(["vdb": fixture.parent + "/gone"]) { $1 }) } == .system)
        var other = overlays
        (other["vda"], other["vdb"]) = (overlays["vdb"], overlays["vda"])
        #expect(code { try absorb(fixture, other) } == .invalidArgument)
        let view = try fixture.replica.view()
        #expect(code { try absorb(fixture, overlays) } == .inUse)
        withExtendedLifetime(view) {}
        #expect(fixture.replica.points().map(\.cycle) == [5])
        try fixture.replica.checkPoints(against: fixture.history)
    }

    @Test func aJournalIsSettledFirst() throws {
        let (fixture, overlays) = try prepared()
        try fixture.replica.stopRunning()
        let guest = fixture.guest
        fixture.guest.resize(0, blocks: 40)
        fixture.guest.remove("vdc")
        try fixture.cycle(kind: .compare)
        fixture.guest = guest
        #expect(code { try absorb(fixture, overlays) } == .inUse)
    }

    @Test(arguments: [
        Failpoint.manifestRenamed, .absorbStarted, .absorbDiskWritten, .absorbWritten, .absorbSettled,
        .absorbOverlayRemoved,
    ])
    func itIsDoneAgainAfterAFailure(failpoint: Failpoint) throws {
        let (fixture, overlays) = try prepared(failpoints: FailpointHook { if $0 == failpoint { throw Crash() } })
        #expect(throws: (any Error).self) { try absorb(fixture, overlays) }
        try fixture.reopen()
        let isDone = [Failpoint.absorbSettled, .absorbOverlayRemoved].contains(failpoint)
        #expect(try fixture.replica.describe().isAbsorbing == !isDone)
        #expect(try fixture.replica.scrub().faults == [])
        if !isDone {
            // What is half one point and half another is neither.
            #expect(fixture.replica.points().isEmpty)
            #expect(code { try fixture.replica.view() } == .inUse)
            #expect(code { try fixture.replica.openCycle(fixture.opening(10, kind: .compare)) } == .inUse)
            #expect(code { try absorb(fixture, overlays, cycle: 8) } == .inUse)
            #expect(overlays.values.allSatisfy { FileManager.default.fileExists(atPath: $0) })
        }
        try absorb(fixture, overlays)
        fixture.noteCommitted(9)
        try fixture.replica.checkPoints(against: fixture.history)
        #expect(overlays.values.allSatisfy { !FileManager.default.fileExists(atPath: $0) })
        fixture.guest.fill(1, blocks: 2..<5, with: 3)
        try fixture.cycle()
        try fixture.replica.checkPoints(against: fixture.history)
    }

    /// An overlay on adopted disks goes into these.
    @Test func overlaysGoIntoAdoptedImages() throws {
        var guest = GuestModel()
        guest.add("vda", blocks: 90)
        guest.fill(0, blocks: 3..<60, with: 20)
        let fixture = try ReplicaFixture(adopting: guest, in: .chainWithBitmaps)
        fixture.guest.fill(0, blocks: 10..<20, with: 5)
        try fixture.cycle()
        try fixture.replica.settle(on: 8)
        let image = try #require(try fixture.replica.describe().adopted.first)
        fixture.guest.fill(0, blocks: 15..<30, with: 0)
        let content = fixture.parent + "/content"
        let overlay = fixture.parent + "/overlay"
        try Data(fixture.guest.disks[0].bytes).write(to: URL(fileURLWithPath: content))
        try GuestImages.run(["convert", "-O", "qcow2", "-B", image.path, "-F", "qcow2", content, overlay])
        try absorb(fixture, ["vda": overlay])
        fixture.noteCommitted(9)
        try fixture.replica.checkPoints(against: fixture.history)
        try fixture.checkImages(against: fixture.history[9])
    }
}
