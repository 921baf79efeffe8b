import FoundationEssentials
import Testing

@testable import Replica

/// Adopted images that are given back to their guest: from the mark on the guest may write to them, so nothing reads a
/// point from them any more.
@Suite(.enabled(if: GuestImages.missing.isEmpty), .serialized)
struct HandOverTests {
    private struct Crash: Error {}

    private let guest = GuestModel.written

    @Test func whatIsHandedOverIsNotListed() throws {
        let fixture = try ReplicaFixture(adopting: guest, in: .chainWithBitmaps)
        fixture.guest.fill(0, blocks: 3..<30, with: 8)
        try fixture.cycle()
        #expect(code { try fixture.replica.handOver(on: 8) } == .inUse)
        try fixture.replica.settle(on: 8)
        #expect(code { try fixture.replica.handOver(on: 7) } == .invalidArgument)
        var view: ReplicaView? = try fixture.replica.view(cycle: 8)
        #expect(code { try fixture.replica.handOver(on: 8) } == .inUse)
        #expect(fixture.replica.points().map(\.cycle) == [8])
        _ = view
        view = nil
        for failpoint in CrashPlaces.ofHandingOver {
            let isPublished = failpoint != .manifestWritten
            try fixture.reopen(failpoints: FailpointHook { if $0 == failpoint { throw Crash() } })
            #expect(throws: (any Error).self) { try fixture.replica.handOver(on: 8) }
            try fixture.reopen()
            #expect(fixture.replica.points().map(\.cycle) == (isPublished ? [] : [8]))
            #expect(fixture.replica.handedOverCycle == (isPublished ? 8 : nil))
        }
        for _ in 1...2 { try fixture.replica.handOver(on: 8) }
        try fixture.replica.settle(on: 8)
        #expect(code { try fixture.replica.view(cycle: 8) } == .notFound)
        #expect(code { try ReplicaView.open(directory: fixture.directory, cycle: nil) } == .notFound)
        #expect(code { try fixture.replica.openCycle(fixture.opening(9, kind: .compare)) } == .inUse)
        #expect(code { try fixture.replica.delete() } == .inUse)
        #expect(try fixture.replica.describe().runningCycle == 8)
        let images = try fixture.replica.describe().adopted
        try fixture.replica.release()
        #expect(!FileManager.default.fileExists(atPath: fixture.directory))
        for image in images { #expect(try GuestImages.bytes(image) == fixture.history[8]?[image.target]) }
    }

    /// The other side's failover was cancelled, or another point was chosen there.
    @Test func disksThatDivergedAreLetGoAsTheyAre() throws {
        let fixture = try ReplicaFixture(adopting: guest, in: .chainWithBitmaps, isDiverged: true)
        #expect(code { try fixture.replica.handOver(on: 7) } == .invalidArgument)
        let images = try fixture.replica.describe().adopted
        let held = fixture.guest.contents
        try fixture.replica.release()
        #expect(!FileManager.default.fileExists(atPath: fixture.directory))
        for image in images { #expect(try GuestImages.bytes(image) == held[image.target]) }
    }

    @Test func disksThatDivergedStayOnceSomethingWasReplicated() throws {
        let fixture = try ReplicaFixture(adopting: guest, in: .chainWithBitmaps, isDiverged: true)
        try fixture.cycle(kind: .compare)
        #expect(code { try fixture.replica.release() } == .inUse)
        try fixture.checkPoints()
    }
}
