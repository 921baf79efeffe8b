import Glibc
import Synchronization
import Testing

@testable import Replica

/// A fold on a file system that runs full.
@Suite struct FoldSpaceTests {
    private static let step = ReplicaLimits.foldedBetweenLooksBytes
    private static let enough = ReplicaLimits.reservedFreeBytes + step

    private func code(free: [UInt64], writing bytes: [UInt64]) throws -> ReplicaError.Code? {
        let left = Mutex(free)
        var space = try FoldSpace { left.withLock { $0.count > 1 ? $0.removeFirst() : $0[0] } }
        do {
            for count in bytes { try space.wrote(count) }
            return nil
        } catch let error as ReplicaError {
            return error.code
        }
    }

    @Test func itEndsBeforeTheReserveIsUsed() throws {
        let (step, enough) = (Self.step, Self.enough)
        #expect(try code(free: [enough + step, enough], writing: [step]) == nil)
        #expect(try code(free: [enough + step, enough - 1], writing: [step]) == .spaceExhausted)
        #expect(try code(free: [enough + step, enough, enough - 1], writing: [step, step]) == .spaceExhausted)
        // Pieces add up to the next look.
        #expect(try code(free: [enough, 0], writing: [step / 2, step / 2 - 1]) == nil)
        #expect(try code(free: [enough, 0], writing: [step / 2, step / 2]) == .spaceExhausted)
    }

    @Test func whatNeedsNoSpaceGoesOnHoweverLittleThereIs() throws {
        #expect(try code(free: [10, 10], writing: Array(repeating: Self.step, count: 5)) == nil)
        #expect(try code(free: [10, 11, 12], writing: [Self.step, Self.step]) == nil)
        #expect(try code(free: [10, 11, 10], writing: [Self.step, Self.step]) == .spaceExhausted)
    }

    @Test func onlyWhatImagesDoNotHoldYetTakesRoom() throws {
        func code(_ bytes: UInt64, free: UInt64) -> ReplicaError.Code? {
            var room = FoldRoom()
            room.add(bytes / 2, on: 1, at: "/a")
            room.add(bytes - bytes / 2, on: 1, at: "/a/b")
            room.add(5, on: 2, at: "/c")
            do {
                try room.check { $0 == "/c" ? 1 << 40 : free }
                return nil
            } catch {
                return (error as? ReplicaError)?.code
            }
        }
        #expect(code(0, free: 0) == nil)
        #expect(code(10, free: Self.enough + 10) == nil)
        #expect(code(10, free: Self.enough + 9) == .spaceExhausted)
    }

    @Test(.enabled(if: geteuid() == 0, "only root may mount the file system that runs full"))
    func whoeverRunsBesideItHasSpaceLeftAndItGoesOnLater() throws {
        let place = ReplicaFixture.uniqueParent()
        #expect(mkdir(place, 0o755) == 0)
        defer { #expect(rmdir(place) == 0) }
        try #require(mount("tmpfs", place, "tmpfs", 0, "size=160m") == 0)
        // Detached, because a process that another test starts holds our files until it is another program.
        defer { #expect(umount2(place, Int32(MNT_DETACH)) == 0) }
        try foldWhereSpaceComesLater(in: place)
    }

    /// Logs of 48 MiB, and room for them once more, but not beside the reserve.
    private func foldWhereSpaceComesLater(in place: String) throws {
        let fixture = try ReplicaFixture(parent: "\(place)/replica")
        fixture.guest.add("vda", blocks: 12_300)
        fixture.guest.fill(0, blocks: 0..<12_288, with: 7)
        try fixture.cycle()
        fixture.guest.fill(0, blocks: 1..<2, with: 8)
        try fixture.cycle()
        // A fold that would stop half way is not begun: it would have cost the first point, and freed nothing.
        let error = try #require(throws: ReplicaError.self) { try fixture.replica.fold(upTo: 2) }
        #expect(error.code == .spaceExhausted && error.remedy.contains("MiB more"))
        #expect(fixture.replica.points().map(\.cycle) == [1, 2])
        #expect(try DurableFiles.names(in: fixture.replica.layout.base).isEmpty)
        // Somebody else may still take the space meanwhile.
        try #require(mount("tmpfs", place, "tmpfs", UInt(MS_REMOUNT), "size=240m") == 0)
        let other = "\(place)/other"
        var isTaken = false
        let stopped = try #require(throws: ReplicaError.self) {
            try fixture.replica.fold(upTo: 1) { progress in
                guard !isTaken, progress.doneBytes > 0 else { return }
                isTaken = true
                try DurableFiles.write([UInt8](repeating: 1, count: 76 << 20), to: other)
            }
        }
        #expect(stopped.code == .spaceExhausted)
        #expect(try DurableFiles.freeBytes(at: place) >= ReplicaLimits.reservedFreeBytes)
        try fixture.checkPoints()
        try DurableFiles.remove(other)
        // The next cycle finds room, and so does the fold, once there is some.
        fixture.guest.fill(0, blocks: 3..<5, with: 9)
        try #require(mount("tmpfs", place, "tmpfs", UInt(MS_REMOUNT), "size=400m") == 0)
        try fixture.cycle()
        for cycle in [1, 3] as [UInt64] { try fixture.replica.fold(upTo: cycle) }
        #expect(fixture.replica.points().map(\.cycle) == [3])
        try fixture.checkPoints()
    }
}
