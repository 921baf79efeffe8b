import DeltaLog
import FoundationEssentials
import Glibc
import Repeatable
import Testing

@testable import Replica

/// Adopted images that somebody else writes to: a guest that was started on them beside everything of ours.
@Suite(.enabled(if: GuestImages.missing.isEmpty), .serialized)
struct ImageLooksTests {
    private struct Crash: Error {}

    private let guest = GuestModel.written

    /// As a guest leaves it that booted and was shut down.
    private func stranger(_ fixture: ReplicaFixture, at offset: UInt64 = 20 * 4_096) throws {
        try Self.write(to: #require(try fixture.replica.describe().adopted.first), at: offset)
    }

    private static func write(to image: AdoptedImage, at offset: UInt64 = 20 * 4_096) throws {
        let other = try ServedBaseImage(image, access: .writing)
        try [UInt8](repeating: 0xDB, count: 4_096).withUnsafeBytes { try other.write($0, at: offset) }
        try other.synchronize()
        try other.close()
    }

    private func spoilt(_ fixture: ReplicaFixture) throws -> ReplicaFixture {
        var random = SeededRandom(seed: 6)
        for _ in 0..<2 {
            fixture.guest.write(8, using: &random)
            try fixture.cycle()
        }
        try fixture.checkPoints()
        try stranger(fixture)
        return fixture
    }

    @Test(arguments: GuestImages.Style.allCases)
    func whatSomebodyElseWroteSpoilsEveryPoint(style: GuestImages.Style) throws {
        let fixture = try spoilt(ReplicaFixture(adopting: guest, in: style))
        #expect(code { try fixture.replica.openCycle(fixture.opening(10, kind: .incremental)) } == .wrongParent)
        #expect(fixture.replica.points().isEmpty)
        for _ in 1...2 {
            let description = try fixture.replica.describe()
            #expect(description.points == 0 && description.newestCycle == 9 && description.spoilt?.cycle == 9)
            #expect(description.spoilt?.reason.contains(description.adopted[0].path) == true)
            #expect(code { try fixture.replica.view() } == .spoilt)
            #expect(code { try fixture.replica.view(cycle: 8) } == .spoilt)
            #expect(code { try ReplicaView.open(directory: fixture.directory, cycle: nil) } == .notFound)
            #expect(code { try ReplicaView.open(directory: fixture.directory, cycle: 9) } == .notFound)
            #expect(try ReplicaView.points(in: fixture.directory).isEmpty)
            #expect(code { try fixture.replica.markRunning(from: 9) } == .spoilt)
            #expect(code { try fixture.replica.settle(on: 9) } == .spoilt)
            #expect(code { try fixture.replica.fold(upTo: 8) } == .spoilt)
            #expect(code { try fixture.replica.handOver(on: 9) } == .spoilt)
            #expect(code { try fixture.replica.expectStart(on: 9) } == .spoilt)
            #expect(try fixture.replica.maintain(Retention(everyCycleSeconds: 0), nowUnixMilliseconds: .max).isEmpty)
            #expect(try fixture.replica.scrub().faultCount == 1)
            #expect(code { try fixture.replica.openCycle(fixture.opening(10, kind: .incremental)) } == .wrongParent)
            try fixture.reopen()
        }
        fixture.guest.fill(0, blocks: 3..<30, with: 8)
        fixture.forgetPoints()
        try fixture.cycle(kind: .compare)
        try fixture.checkPoints()
        #expect(fixture.replica.points().map(\.cycle) == [10] && fixture.replica.spoiltPoints == nil)
        #expect(code { try fixture.replica.settle(on: 9) } == .spoilt)
        fixture.guest.fill(0, blocks: 40..<50, with: 2)
        try fixture.cycle()
        try fixture.reopen()
        try fixture.checkPoints()
        #expect(fixture.replica.points().map(\.cycle) == [10, 11])
        try fixture.replica.fold(upTo: 10)
        try fixture.checkPoints()
        try fixture.checkImages(against: fixture.history[10])
        try fixture.replica.settle(on: 11)
        try fixture.checkImages(against: fixture.history[11])
        #expect(try fixture.replica.scrub().faultCount == 0)
    }

    /// Each of these may be the first to look.
    @Test func whoeverTrustsTheBaseLooksFirst() throws {
        let first: [(ReplicaFixture) throws -> Void] = [
            { _ = try $0.replica.view(cycle: 9) }, { try $0.replica.markRunning(from: 9) },
            { try $0.replica.settle(on: 9) }, { try $0.replica.fold(upTo: 8) },
            { try $0.replica.expectStart(on: 9) },
        ]
        for act in first {
            let fixture = try spoilt(ReplicaFixture(adopting: guest, in: .chainWithBitmaps))
            #expect(code { try act(fixture) } == .spoilt)
            #expect(fixture.replica.points().isEmpty)
        }
        let fixture = try spoilt(ReplicaFixture(adopting: guest, in: .chainWithBitmaps))
        try fixture.reopen()
        #expect(fixture.replica.points().isEmpty)
        let folded = try ReplicaFixture(adopting: guest, in: .chainWithBitmaps)
        folded.guest.fill(0, blocks: 3..<30, with: 8)
        try folded.cycle()
        try folded.replica.settle(on: 8)
        try folded.checkPoints()
        try stranger(folded)
        #expect(code { try folded.replica.handOver(on: 8) } == .spoilt)
        #expect(folded.replica.points().isEmpty)
    }

    @Test(arguments: [CycleKind.incremental, .compare], [false, true])
    func oneThatWritesBetweenOpeningAndCommitSpoilsTheCycle(kind: CycleKind, isNoticedBefore: Bool) throws {
        let fixture = try ReplicaFixture(adopting: guest, in: .chainWithBitmaps)
        fixture.guest.fill(0, blocks: 3..<30, with: 8)
        let open = try fixture.replica.openCycle(fixture.opening(8, kind: kind))
        try fixture.send(open, kind: kind)
        try stranger(fixture)
        if isNoticedBefore { try fixture.replica.noticeStrangers() }
        let expected: ReplicaError.Code = kind == .incremental ? .wrongParent : .spoilt
        #expect(code { try fixture.replica.commit(cycle: 8, generation: 1, attempts: [1, 3]) } == expected)
        #expect(fixture.replica.points().isEmpty && fixture.replica.openCycle == nil)
        fixture.forgetPoints()
        // And so it is during the comparison that follows.
        let second = try fixture.replica.openCycle(fixture.opening(9, kind: .compare))
        try fixture.send(second, kind: .compare)
        try stranger(fixture, at: 90 * 4_096)
        #expect(code { try fixture.replica.commit(cycle: 9, generation: 1, attempts: [1, 3]) } == .spoilt)
        try fixture.cycle(10, kind: .compare)
        try fixture.checkPoints()
        #expect(fixture.replica.points().map(\.cycle) == [10])
    }

    /// Compared with disks that change meanwhile, nothing would be right.
    @Test func whileTheOtherRunsNothingIsCompared() throws {
        let fixture = try spoilt(ReplicaFixture(adopting: guest, in: .chainWithBitmaps))
        let image = try #require(try fixture.replica.describe().adopted.last)
        let other = try ServedBaseImage(image, access: .writing)
        try fixture.replica.noticeStrangers()
        #expect(code { try fixture.replica.openCycle(fixture.opening(10, kind: .compare)) } == .inUse)
        try other.close()
        fixture.forgetPoints()
        try fixture.cycle(kind: .compare)
        try fixture.checkPoints()
    }

    /// It holds QEMU's lock, so the fold writes nothing, and does not take its writes for ours.
    @Test func aFoldThatAGuestKeepsFromWritingKnowsItLater() throws {
        let fixture = try ReplicaFixture(adopting: guest, in: .smallClustersWithSnapshot)
        fixture.guest.fill(0, blocks: 3..<30, with: 8)
        try fixture.cycle()
        let image = try #require(try fixture.replica.describe().adopted.first)
        let other = try ServedBaseImage(image, access: .writing)
        #expect(code { try fixture.replica.fold(upTo: 8) } == .inUse)
        try fixture.checkPoints()
        try [UInt8](repeating: 0xDB, count: 4_096).withUnsafeBytes { try other.write($0, at: 100 * 4_096) }
        try other.close()
        for _ in 1...2 {
            #expect(try fixture.replica.noticeStrangers()?.cycle == 8)
            #expect(fixture.replica.points().isEmpty)
            try fixture.reopen()
        }
        // What was begun is finished, and is no point.
        try fixture.replica.fold(upTo: 8)
        #expect(fixture.replica.points().isEmpty)
        fixture.forgetPoints()
        try fixture.cycle(kind: .compare)
        try fixture.checkPoints()
    }

    @Test func aReplacedImageIsSeen() throws {
        let fixture = try ReplicaFixture(adopting: guest, in: .raw)
        let path = try #require(try fixture.replica.describe().adopted.first?.path)
        try FileManager.default.copyItem(atPath: path, toPath: path + ".copy")
        #expect(try fixture.replica.noticeStrangers() == nil)
        try #require(rename(path + ".copy", path) == 0)
        #expect(try fixture.replica.noticeStrangers()?.cycle == 7)
    }

    /// Of the ranges alone nothing is known any more.
    @Test func aDivergedBaseIsComparedWhenItIsWrittenToAgain() throws {
        let fixture = try ReplicaFixture(
            adopting: guest, in: .chainWithBitmaps, isDiverged: true, divergence: .within(["vda": [0..<4_096]]))
        try fixture.replica.openCycle(fixture.opening(8, kind: .incremental)).writer.abort()
        try stranger(fixture)
        #expect(code { try fixture.replica.openCycle(fixture.opening(8, kind: .incremental)) } == .wrongParent)
        fixture.guest.fill(0, blocks: 3..<30, with: 8)
        try fixture.cycle(kind: .compare)
        try fixture.checkPoints()
    }

    // MARK: What is nobody else's write

    /// QEMU, qemu-img and a scrub read; and who gets a file changes nothing in it.
    @Test(arguments: GuestImages.Style.allCases)
    func readingChangesNoLook(style: GuestImages.Style) throws {
        let fixture = try ReplicaFixture(adopting: guest, in: style)
        let images = try fixture.replica.describe().adopted
        let before = images.map { ImageLook(of: $0.path) }
        try fixture.checkPoints()
        #expect(try fixture.replica.scrub().faultCount == 0)
        try ReplicaView.open(directory: fixture.directory, cycle: 7).check(against: fixture.history[7])
        for image in images {
            let reader = try ServedBaseImage(image, access: .reading)
            _ = try reader.sizeBytes()
            try reader.close()
            _ = try QEMUImage.sizeBytes(image)
            _ = try QEMUImage.holdsCompressedClusters(image)
            #expect(chmod(image.path, 0o640) == 0)
        }
        #expect(images.map { ImageLook(of: $0.path) } == before && !before.contains(nil))
        #expect(try fixture.replica.noticeStrangers() == nil)
    }

    /// A guest's disks do not go away beneath it, whatever they hold.
    @Test func nothingIsTakenFromAGuestThatRuns() throws {
        let fixture = try ReplicaFixture(adopting: guest, in: .chainWithBitmaps)
        try fixture.replica.markRunning(from: 7)
        try stranger(fixture)
        #expect(try fixture.replica.noticeStrangers() == nil)
        #expect(fixture.replica.points().map(\.cycle) == [7])
        #expect(try ReplicaView.open(directory: fixture.directory, cycle: 7).point.cycle == 7)
        try fixture.replica.stopRunning()
        #expect(code { try fixture.replica.view(cycle: 7) } == .spoilt)
    }

    /// Paused at its first instruction, QEMU has written bitmaps already.
    @Test func aStartOnItsOwnDisksIsOurs() throws {
        let fixture = try ReplicaFixture(adopting: guest, in: .chainWithBitmaps)
        let image = try #require(try fixture.replica.describe().adopted.first)
        try fixture.replica.expectStart(on: 7)
        try GuestImages.run(["bitmap", "--add", image.path, "first"])
        try fixture.replica.startEnded(guestIsOff: true)
        try fixture.checkPoints()
        // Cut off there, too.
        try fixture.replica.expectStart(on: 7)
        try GuestImages.run(["bitmap", "--add", image.path, "second"])
        try fixture.reopen()
        try fixture.checkPoints()
        try fixture.replica.expectStart(on: 7)
        try GuestImages.run(["bitmap", "--add", image.path, "third"])
        try fixture.replica.handOver(on: 7)
        try fixture.replica.startEnded(guestIsOff: false)
        #expect(fixture.replica.handedOverCycle == 7)
        // Somebody was faster.
        let other = try ReplicaFixture(adopting: guest, in: .chainWithBitmaps)
        try other.replica.expectStart(on: 7)
        try stranger(other)
        try other.replica.startEnded(guestIsOff: false)
        #expect(try other.replica.noticeStrangers()?.cycle == 7)
    }

    @Test(arguments: CrashPlaces.ofOwnWriting)
    func aFoldThatWasCutOffKeepsItsPoints(failpoint: Failpoint) throws {
        let fixture = try ReplicaFixture(adopting: guest, in: .chainWithBitmaps)
        fixture.guest.fill(0, blocks: 3..<30, with: 8)
        try fixture.cycle()
        fixture.guest.fill(0, blocks: 30..<40, with: 9)
        try fixture.cycle()
        try fixture.reopen(failpoints: FailpointHook { if $0 == failpoint { throw Crash() } })
        #expect(throws: (any Error).self) { try fixture.replica.fold(upTo: 8) }
        try fixture.reopen()
        #expect(fixture.replica.points().map(\.cycle) == [8, 9])
        try fixture.checkPoints()
        // From here on it is known again how the images look.
        try stranger(fixture)
        #expect(code { try fixture.replica.view(cycle: 9) } == .spoilt)
        try fixture.replica.fold(upTo: 8)
        #expect(fixture.replica.points().isEmpty)
        fixture.forgetPoints()
        try fixture.cycle(kind: .compare)
        try fixture.checkPoints()
        try fixture.replica.settle(on: 10)
        try fixture.checkImages(against: fixture.history[10])
    }

    // MARK: The file

    @Test func aReplicaOfAnOlderReleaseIsBelievedUntilItIsWrittenTo() throws {
        let fixture = try ReplicaFixture(adopting: guest, in: .chainWithBitmaps)
        fixture.guest.fill(0, blocks: 3..<30, with: 8)
        try fixture.cycle()
        fixture.replica.close()
        try FileManager.default.removeItem(atPath: fixture.directory + "/images")
        try stranger(fixture, closed: true)
        #expect(try ReplicaView.points(in: fixture.directory).map(\.cycle) == [7, 8])
        try fixture.reopen()
        #expect(fixture.replica.points().map(\.cycle) == [7, 8])
        #expect(FileManager.default.fileExists(atPath: fixture.directory + "/images"))
        fixture.guest.fill(0, blocks: 30..<33, with: 7)
        try fixture.cycle()
        try stranger(fixture)
        #expect(code { try fixture.replica.openCycle(fixture.opening(10, kind: .incremental)) } == .wrongParent)
    }

    private func stranger(_ fixture: ReplicaFixture, closed: Bool) throws {
        let path = fixture.parent + "/vda, own.qcow2"
        let size = UInt64(fixture.guest.disks[0].bytes.count)
        try Self.write(to: AdoptedImage(target: "vda", path: path, format: .qcow2, sizeBytes: size))
    }

    @Test func aDamagedFileCostsAComparison() throws {
        let fixture = try ReplicaFixture(adopting: guest, in: .chainWithBitmaps)
        fixture.guest.fill(0, blocks: 3..<30, with: 8)
        try fixture.cycle()
        fixture.replica.close()
        try Data([1, 2, 3]).write(to: URL(fileURLWithPath: fixture.directory + "/images"))
        #expect(try ReplicaView.points(in: fixture.directory).isEmpty)
        try fixture.reopen()
        #expect(try fixture.replica.describe().spoilt?.cycle == 8)
        #expect(code { try fixture.replica.openCycle(fixture.opening(9, kind: .incremental)) } == .wrongParent)
        fixture.forgetPoints()
        try fixture.cycle(kind: .compare)
        try fixture.checkPoints()
        #expect(fixture.replica.points().map(\.cycle) == [9])
    }

    private static let example = ImageLooks(
        looks: [
            "/var/lib/images/gäst, 1.qcow2": .left(
                ImageLook(inode: 77, sizeBytes: 1 << 40, modifiedNanoseconds: 1_700_000_000_123_456_789)),
            "/d": .beingWritten,
        ], spoilt: SpoiltPoints(cycle: 9, reason: "Somebody did."))

    @Test func theFirstFormatStaysReadable() throws {
        let golden = try Self.golden("images-1.hex")
        #expect(Self.example.encoded() == golden)
        #expect(try ImageLooks(decoding: golden) == Self.example)
        #expect(try ImageLooks(decoding: ImageLooks().encoded()) == ImageLooks())
    }

    @Test func aChangedByteAnywhereIsNoticed() {
        let whole = Self.example.encoded()
        for position in whole.indices {
            var changed = whole
            changed[position] ^= 1
            #expect(throws: ReplicaError.self) { try ImageLooks(decoding: changed) }
        }
        #expect(throws: ReplicaError.self) { try ImageLooks(decoding: whole.dropLast()) }
    }

    private static func golden(_ name: String) throws -> [UInt8] {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path + "/Golden/" + name
        let digits = try String(contentsOfFile: path, encoding: .utf8).filter { $0.isHexDigit }
        return stride(from: 0, to: digits.count, by: 2).map { position in
            let start = digits.index(digits.startIndex, offsetBy: position)
            return UInt8(digits[start..<digits.index(start, offsetBy: 2)], radix: 16) ?? 0
        }
    }
}
