import Glibc
import Testing

@testable import Replica

/// What keeps us from writing to adopted images, and what we know of them afterwards.
@Suite(.enabled(if: GuestImages.missing.isEmpty), .serialized)
struct ImageWritingTests {
    private let guest = GuestModel.written

    /// It grows with its disk before it is opened, which somebody keeps us from who writes nothing.
    @Test func anImageThatGrewAndCouldNotBeOpenedWasNotWrittenByAStranger() throws {
        let fixture = try ReplicaFixture(adopting: guest, in: .raw)
        fixture.guest.resize(0, blocks: 320)
        try fixture.cycle(kind: .compare)
        let image = try #require(try fixture.replica.describe().adopted.first)
        let other = open(image.path, O_RDWR | O_CLOEXEC)
        try #require(other >= 0)
        // QEMU's lock of one that may resize the image: qemu-img shares that, an NBD server does not.
        var lock = flock()
        (lock.l_type, lock.l_whence, lock.l_start, lock.l_len) = (Int16(F_RDLCK), Int16(SEEK_SET), 103, 1)
        try #require(fcntl(other, Self.setOpenFileLock, &lock) == 0)
        #expect(code { try fixture.replica.fold(upTo: 8) } == .inUse)
        #expect(try QEMUImage.sizeBytes(image) == 320 * 4_096)
        #expect(try fixture.replica.noticeStrangers() == nil)
        close(other)
        try fixture.replica.fold(upTo: 8)
        try fixture.checkPoints()
        try fixture.checkImages(against: fixture.history[8])
    }

    /// F_OFD_SETLK of fcntl(2), which Glibc's module leaves out.
    private static let setOpenFileLock: Int32 = 37

    /// A guest that runs from a view of the very point keeps compressed images from being written, and the choice open.
    @Test func compressedImagesAreNotSettledBeneathAViewNorIsThatBegun() throws {
        let fixture = try ReplicaFixture(adopting: guest, in: .compressed)
        for cycle in [8, 9, 10] as [UInt64] {
            fixture.guest.fill(0, blocks: 3..<30, with: UInt8(cycle))
            try fixture.cycle()
        }
        try fixture.replica.markRunning(from: 9)
        var view: ReplicaView? = try ReplicaView.open(directory: fixture.directory, cycle: 9)
        #expect(fixture.replica.settlesWithoutViews(on: 9))
        #expect(code { try fixture.replica.settle(on: 9) } == .inUse)
        #expect(fixture.replica.settlingCycle == nil)
        try fixture.reopen()
        #expect(fixture.replica.points().map(\.cycle) == [7, 8, 9, 10])
        try view?.check(against: fixture.history[9])
        view = nil
        try fixture.replica.settle(on: 9)
        #expect(!fixture.replica.settlesWithoutViews(on: 9))
        view = try ReplicaView.open(directory: fixture.directory, cycle: 9)
        try fixture.replica.settle(on: 9)
        try view?.check(against: fixture.history[9])
        try fixture.checkImages(against: fixture.history[9])
    }

    /// Written to, they are brought to no other point beneath a view either.
    @Test func imagesWithoutThemAreSettledBeneathAView() throws {
        let fixture = try ReplicaFixture(adopting: guest, in: .chainWithBitmaps)
        fixture.guest.fill(0, blocks: 3..<30, with: 8)
        try fixture.cycle()
        let view = try ReplicaView.open(directory: fixture.directory, cycle: 8)
        #expect(!fixture.replica.settlesWithoutViews(on: 8))
        try fixture.replica.settle(on: 8)
        try view.check(against: fixture.history[8])
    }
}
