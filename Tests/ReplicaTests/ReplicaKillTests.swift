import DeltaLog
import FoundationEssentials
import Glibc
import Testing

@testable import Replica

/// The owner is killed while it takes overlays in, or lets a replica go: no destructor runs, no buffer is flushed. The
/// next start goes on to the same end.
@Suite(.enabled(if: GuestImages.missing.isEmpty), .serialized)
struct ReplicaKillTests {
    private static func point(_ fixture: ReplicaFixture, isDiverged: Bool) -> AdoptedPoint {
        let point = ReplicaFixture.adoptedPoint(fixture.guest, cycle: 9)
        return isDiverged ? .diverged(point) : .exact(point)
    }

    /// Settled on cycle 5, from which a guest ran and wrote more. The same every time.
    private static func prepare(_ fixture: ReplicaFixture) throws -> [String: String] {
        try CrashScenario.prepare(fixture)
        try fixture.replica.markRunning(from: 5)
        try fixture.replica.settle(on: 5)
        CrashScenario.writeMore(fixture)
        return try fixture.overlays()
    }

    @Test(arguments: CrashPlaces.ofAbsorption, [false, true])
    func anAbsorptionIsFinishedAfterAKill(failpoint: Failpoint, isDiverged: Bool) async throws {
        let parent = ReplicaFixture.uniqueParent()
        let failpointName = failpoint.rawValue
        await #expect(processExitsWith: .signal(SIGKILL)) {
            [parent = parent as String, failpointName = failpointName as String, isDiverged = isDiverged as Bool] in
            let death = ArmedKill(at: failpointName)
            let fixture = try ReplicaFixture(parent: parent, failpoints: death.hook)
            let overlays = try ReplicaKillTests.prepare(fixture)
            death.arm()
            try fixture.replica.absorb(
                overlays: overlays, point: ReplicaKillTests.point(fixture, isDiverged: isDiverged),
                guest: ReplicaFixture.configuration(9))
        }
        let twin = try ReplicaFixture()
        let overlays = try Self.prepare(twin).mapValues { $0.replacing(twin.parent, with: parent) }
        let replica = try Replica.open(directory: parent + "/replica")
        // Either nothing is listed, or the whole of the new point; never something in between.
        if !replica.points().isEmpty {
            #expect(replica.points().map(\.cycle) == [9] && !isDiverged)
            try replica.checkPoints(against: [9: twin.guest.contents])
        } else if !isDiverged {
            #expect([Failpoint.absorbStarted, .absorbDiskWritten, .absorbWritten].contains(failpoint))
        }
        try replica.absorb(
            overlays: overlays, point: Self.point(twin, isDiverged: isDiverged), guest: ReplicaFixture.configuration(9))
        #expect(overlays.values.allSatisfy { !FileManager.default.fileExists(atPath: $0) })
        #expect(replica.runningCycle == nil)
        if isDiverged {
            #expect(replica.points().isEmpty)
            let parentView = try replica.parentView()
            for disk in twin.guest.disks {
                #expect(try parentView.disk(disk.target)?.bytes() == disk.bytes)
            }
        } else {
            #expect(replica.points().map(\.cycle) == [9])
            try replica.checkPoints(against: [9: twin.guest.contents])
        }
        replica.close()
        try FileManager.default.removeItem(atPath: parent)
    }

    @Test(arguments: CrashPlaces.ofDeletion)
    func aReleaseIsFinishedAfterAKillAndTheDisksAreWhole(failpoint: Failpoint) async throws {
        let parent = ReplicaFixture.uniqueParent()
        let failpointName = failpoint.rawValue
        await #expect(processExitsWith: .signal(SIGKILL)) {
            [parent = parent as String, failpointName = failpointName as String] in
            let death = ArmedKill(at: failpointName)
            let fixture = try ReplicaKillTests.adopted(parent: parent, failpoints: death.hook)
            death.arm()
            try fixture.replica.release()
        }
        let twin = try Self.adopted()
        #expect(!Replica.exists(in: parent + "/replica"))
        try Replica.clearDeleted(in: parent)
        #expect(!FileManager.default.fileExists(atPath: parent + "/replica.deleted"))
        for image in try twin.replica.describe().adopted {
            var own = image
            own.path = image.path.replacing(twin.parent, with: parent)
            let isWhole = try GuestImages.bytes(own) == twin.guest.contents[image.target]
            #expect(isWhole, "\(own.path) is not what the last point held")
        }
        try FileManager.default.removeItem(atPath: parent)
    }

    /// Upon a guest's own disks, folded to its newest point.
    private static func adopted(
        parent: String = ReplicaFixture.uniqueParent(), failpoints: FailpointHook = .none
    ) throws -> ReplicaFixture {
        var guest = GuestModel()
        guest.add("vda", blocks: 30)
        guest.fill(0, blocks: 1..<20, with: 5)
        let fixture = try ReplicaFixture(adopting: guest, in: .chainWithBitmaps, parent: parent, failpoints: failpoints)
        fixture.guest.fill(0, blocks: 10..<25, with: 40)
        try fixture.cycle(8)
        try fixture.replica.settle(on: 8)
        return fixture
    }
}
