import DeltaLog
import FoundationEssentials
import Repeatable
import Testing

@testable import Replica

/// Disks that diverged, and of which it is known where.
@Suite(.enabled(if: GuestImages.missing.isEmpty), .serialized)
struct DivergenceTests {
    private static let block: UInt64 = 4_096

    /// As adopted at 7, when the guest had written to these blocks of vda after the point. `point` is what 7 held.
    private func fixture(within blocks: [Range<UInt64>]) throws -> ReplicaFixture {
        var guest = GuestModel()
        guest.add("vda", blocks: 300)
        guest.add("vdb", blocks: 40)
        var random = SeededRandom(seed: 5)
        guest.write(40, using: &random)
        let ranges = blocks.map { $0.lowerBound * Self.block..<$0.upperBound * Self.block }
        return try ReplicaFixture(
            adopting: guest, in: .chainWithBitmaps, isDiverged: true, divergence: .within(["vda": ranges, "vdb": []]))
    }

    @Test func aCycleThatBringsItAllMakesAPoint() throws {
        let fixture = try fixture(within: [10..<20, 200..<210])
        // At the other side the same blocks hold something else, and so do others that it wrote to.
        fixture.guest.fill(0, blocks: 10..<20, with: 3)
        fixture.guest.fill(0, blocks: 200..<210, with: 4)
        fixture.guest.fill(0, blocks: 50..<55, with: 5)
        try fixture.reopen()
        try fixture.cycle(kind: .incremental)
        try fixture.checkPoints()
        #expect(fixture.replica.points().map(\.cycle) == [8])
        #expect(FileManager.default.fileExists(atPath: fixture.directory + "/divergence"))
        try fixture.replica.settle(on: 8)
        #expect(!FileManager.default.fileExists(atPath: fixture.directory + "/divergence"))
        try fixture.checkImages(against: fixture.history[8])
    }

    @Test func oneThatLeavesAPartOutIsRefusedAndAComparisonIsAskedFor() throws {
        let fixture = try fixture(within: [10..<20, 200..<210])
        fixture.guest.fill(0, blocks: 10..<20, with: 3)
        fixture.guest.fill(0, blocks: 201..<210, with: 4)
        #expect(code { try fixture.cycle(kind: .incremental) } == .wrongParent)
        #expect(fixture.replica.points().isEmpty && fixture.replica.openCycle == nil)
        for _ in 1...2 {
            #expect(code { try fixture.replica.openCycle(fixture.opening(9, kind: .incremental)) } == .wrongParent)
            try fixture.reopen()
        }
        fixture.guest.fill(0, blocks: 200..<201, with: 4)
        try fixture.cycle(kind: .compare)
        try fixture.checkPoints()
    }

    enum Change: CaseIterable { case largerHere, smallerHere, missingHere, onlyHere }

    /// A disk was resized, detached or attached at the old side while the other one ran.
    @Test(arguments: Change.allCases) func disksOfAnotherShapeAreCompared(change: Change) throws {
        let fixture = try fixture(within: [10..<20])
        fixture.guest.fill(0, blocks: 10..<20, with: 3)
        switch change {
        case .largerHere: fixture.guest.resize(0, blocks: 200)
        case .smallerHere: fixture.guest.resize(0, blocks: 400)
        case .missingHere:
            fixture.guest.add("vdc", blocks: 70)
            fixture.guest.fill(2, blocks: 5..<9, with: 6)
        case .onlyHere: fixture.guest.remove("vdb")
        }
        do {
            _ = try fixture.replica.openCycle(fixture.opening(8, kind: .incremental))
            #expect(change == .onlyHere)
        } catch let error as ReplicaError {
            #expect(change != .onlyHere && error.code == .wrongParent)
            #expect(error.facts["because"]?.contains(change == .missingHere ? "vdc" : "vda") == true)
        }
        try fixture.cycle(kind: .compare)
        try fixture.checkPoints()
        try fixture.replica.settle(on: 8)
        try fixture.checkPoints()
        try fixture.reopen()
        fixture.guest.resize(0, blocks: 500)
        try fixture.cycle(kind: .compare)
        try fixture.checkPoints()
    }

    /// What was known of one base says nothing of the next.
    @Test func aBaseThatIsHandedOverLaterIsComparedAgain() throws {
        let fixture = try fixture(within: [10..<20])
        fixture.guest.fill(0, blocks: 10..<20, with: 3)
        try fixture.cycle(kind: .incremental)
        let file = try Data(contentsOf: URL(fileURLWithPath: fixture.directory + "/divergence"))
        try fixture.replica.settle(on: 8)
        try fixture.replica.handOver(on: 8)
        try fixture.replica.stopRunning()
        #expect(code { try fixture.replica.openCycle(fixture.opening(9, kind: .incremental)) } == .wrongParent)
        // Nor does a file that was left over.
        try file.write(to: URL(fileURLWithPath: fixture.directory + "/divergence"))
        try fixture.reopen()
        #expect(code { try fixture.replica.openCycle(fixture.opening(9, kind: .incremental)) } == .wrongParent)
    }

    private struct Crash: Error {}

    /// Without a manifest what was written of a divergence belongs to nothing; taking the disks again writes it anew.
    @Test(arguments: CrashPlaces.ofAdoption)
    func anInterruptedAdoptionIsDoneAgain(failpoint: Failpoint) throws {
        var guest = GuestModel()
        guest.add("vda", blocks: 300)
        guest.fill(0, blocks: 10..<20, with: 9)
        let parent = ReplicaFixture.uniqueParent()
        try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: false)
        let images = try GuestImages.make(guest, style: .chainWithBitmaps, in: parent)
        let directory = parent + "/replica"
        func adopt(_ ranges: [Range<UInt64>], _ failpoints: FailpointHook = .none) throws -> Replica {
            try Replica.adopt(
                directory: directory, identity: ReplicaFixture.identity, generation: 1,
                point: .diverged(ReplicaFixture.adoptedPoint(guest)), guest: ReplicaFixture.configuration(7),
                images: images, divergence: .within(["vda": ranges]), failpoints: failpoints)
        }
        #expect(throws: Crash.self) {
            try adopt([0..<4_096], FailpointHook { if $0 == failpoint { throw Crash() } })
        }
        #expect(!Replica.exists(in: directory))
        let later = 10 * Self.block..<20 * Self.block
        try adopt([later]).close()
        let replica = try Replica.open(directory: directory)
        let opening = CycleOpening(
            cycle: 8, parentCycle: 7, kind: .incremental, generation: 1, capturedUnixMilliseconds: 1,
            consistency: .crash, disks: guest.shape, guest: ReplicaFixture.configuration(8), guestName: "töst")
        #expect(try replica.openCycle(opening).mustCover == [0: [later]])
        replica.close()
        try FileManager.default.removeItem(atPath: parent)
    }

    // MARK: The file

    private static let identifier = PointIdentifier(bytes: (1...16).map { UInt8($0) })!

    @Test func theFirstFormatStaysReadable() throws {
        let file = DivergenceFile(
            identifier: Self.identifier,
            divergence: .within(["vda": [65_536..<131_072, 1 << 40..<(1 << 40) + 512], "sdb": []]))
        let golden = try Self.golden("divergence-1.hex")
        #expect(try file.encoded() == golden)
        #expect(try DivergenceFile(decoding: golden) == file)
    }

    @Test func aChangedByteAnywhereIsNoticed() throws {
        let whole = try DivergenceFile(identifier: Self.identifier, divergence: .anywhere(because: "It was lost."))
            .encoded()
        for position in whole.indices {
            var changed = whole
            changed[position] ^= 1
            #expect(throws: ReplicaError.self) { try DivergenceFile(decoding: changed) }
        }
        #expect(throws: ReplicaError.self) { try DivergenceFile(decoding: whole.dropLast()) }
    }

    @Test func aDamagedFileCostsAComparison() throws {
        let fixture = try fixture(within: [10..<20])
        try Data([1, 2, 3]).write(to: URL(fileURLWithPath: fixture.directory + "/divergence"))
        try fixture.reopen()
        #expect(code { try fixture.replica.openCycle(fixture.opening(8, kind: .incremental)) } == .wrongParent)
    }

    @Test func rangesThatMakeNoSenseAreNotWritten() {
        for ranges in [[5..<5], [10..<20, 15..<30], [20..<30, 0..<5]] as [[Range<UInt64>]] {
            #expect(throws: ReplicaError.self) {
                try DivergenceFile(identifier: Self.identifier, divergence: .within(["vda": ranges])).encoded()
            }
        }
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
