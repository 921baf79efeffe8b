import DeltaLog
import Glibc
import Replica
import Testing

@Suite struct ReplicaCycleTests {
    private func code(_ body: () throws -> Void) -> ReplicaError.Code? {
        do { try body() } catch let error as ReplicaError { return error.code } catch {
            Issue.record("not a ReplicaError: \(error)")
        }
        return nil
    }

    private func prepared() throws -> ReplicaFixture {
        let fixture = try ReplicaFixture()
        fixture.guest.add("vda", blocks: 64)
        fixture.guest.add("vdb", blocks: 20)
        fixture.guest.fill(0, blocks: 3..<30, with: 9)
        try fixture.cycle()
        return fixture
    }

    @Test func committedCyclesAreListedAndReadBack() throws {
        let fixture = try prepared()
        fixture.guest.fill(0, blocks: 5..<9, with: 0)
        fixture.guest.fill(1, blocks: 0..<20, with: 3)
        try fixture.cycle(consistency: .application)
        try fixture.cycle(4)
        #expect(fixture.replica.points().map(\.cycle) == [1, 2, 4])
        #expect(fixture.replica.points().map(\.consistency) == [.crash, .application, .crash])
        try fixture.checkPoints()
        try fixture.reopen()
        #expect(fixture.replica.points().map(\.cycle) == [1, 2, 4])
        try fixture.checkPoints()
    }

    @Test func aRepeatedCommitAnswersTheSamePoint() throws {
        let fixture = try prepared()
        let point = try fixture.cycle()
        #expect(try fixture.replica.commit(cycle: 2, generation: 1, attempts: [1, 3]) == point)
        try fixture.reopen()
        #expect(try fixture.replica.commit(cycle: 2, generation: 1, attempts: []) == point)
    }

    @Test func anAbortedCycleLeavesNothing() throws {
        let fixture = try prepared()
        fixture.guest.fill(0, blocks: 0..<10, with: 4)
        let open = try fixture.replica.openCycle(fixture.opening(2, kind: .incremental))
        try fixture.send(open, kind: .incremental)
        try fixture.replica.abort(cycle: 2, generation: 1)
        try fixture.replica.abort(cycle: 2, generation: 1)
        #expect(fixture.replica.openCycle == nil)
        #expect(try fixture.files("incoming").isEmpty)
        #expect(code { _ = try fixture.replica.commit(cycle: 2, generation: 1, attempts: [1, 3]) } == .cycleNotOpen)
        try fixture.cycle(3)
        try fixture.checkPoints()
        #expect(code { try fixture.replica.abort(cycle: 3, generation: 1) } == .alreadyExists)
    }

    @Test func openingAnotherCycleEndsTheOneBefore() throws {
        let fixture = try prepared()
        let first = try fixture.replica.openCycle(fixture.opening(2, kind: .incremental))
        let second = try fixture.replica.openCycle(fixture.opening(2, kind: .incremental))
        #expect(first.writer.cycleKey != second.writer.cycleKey)
        #expect(try fixture.files("incoming").count == 1)
        #expect(throws: DeltaLogError.self) { try first.writer.finishAttempt(1) }
    }

    @Test func aParentThatIsNotTheNewestIsRefused() throws {
        let fixture = try prepared()
        try fixture.cycle(3)
        for (cycle, parent) in [(4, 2), (4, 1), (4, 0), (4, 4), (3, 3), (2, 3), (5, 4)] as [(UInt64, UInt64)] {
            var opening = fixture.opening(cycle, kind: .full)
            opening.parentCycle = parent
            #expect(code { _ = try fixture.replica.openCycle(opening) } == .wrongParent)
        }
    }

    @Test func aFirstCycleMustBeFull() throws {
        let fixture = try ReplicaFixture()
        fixture.guest.add("vda", blocks: 4)
        #expect(code { _ = try fixture.replica.openCycle(fixture.opening(1, kind: .incremental)) } == .wrongParent)
        #expect(code { _ = try fixture.replica.openCycle(fixture.opening(1, kind: .compare)) } == .wrongParent)
    }

    @Test func anOlderGenerationIsRefusedAndANewerOneEndsTheOpenCycle() throws {
        let fixture = try prepared()
        _ = try fixture.replica.openCycle(fixture.opening(2, kind: .incremental))
        try fixture.replica.admit(generation: 3)
        #expect(fixture.replica.openCycle == nil)
        #expect(code { _ = try fixture.replica.openCycle(fixture.opening(2, kind: .incremental)) } == .staleGeneration)
        #expect(code { _ = try fixture.replica.commit(cycle: 1, generation: 2, attempts: []) } == .staleGeneration)
        #expect(code { try fixture.replica.abort(cycle: 2, generation: 2) } == .staleGeneration)
        try fixture.reopen()
        #expect(code { try fixture.replica.admit(generation: 2) } == .staleGeneration)
        #expect(try fixture.replica.describe().generation == 3)
    }

    @Test func disksThatDoNotFitTheParentAreRefused() throws {
        let fixture = try prepared()
        fixture.guest.add("vdc", blocks: 5)
        #expect(code { _ = try fixture.replica.openCycle(fixture.opening(2, kind: .incremental)) } == .wrongParent)
        fixture.guest.remove("vdc")
        for blocks in [10, 65] {
            fixture.guest.resize(0, blocks: blocks)
            let error = #expect(throws: ReplicaError.self) {
                try fixture.replica.openCycle(fixture.opening(2, kind: .incremental))
            }
            #expect(error?.code == .wrongParent && error?.facts["because"]?.contains("vda") == true)
        }
        var opening = fixture.opening(2, kind: .full)
        for (disks, expected) in [
            ([], .invalidArgument),
            ([DeltaLogDisk(target: "../vda", sizeBytes: 512)], .invalidArgument),
            ([DeltaLogDisk(target: ".vda", sizeBytes: 512)], .invalidArgument),
            ([DeltaLogDisk(target: "", sizeBytes: 512)], .invalidArgument),
            ([DeltaLogDisk(target: "vda", sizeBytes: 513)], .invalidArgument),
            ([DeltaLogDisk(target: "vda", sizeBytes: 0)], .invalidArgument),
            (
                [DeltaLogDisk(target: "vda", sizeBytes: 512), DeltaLogDisk(target: "vda", sizeBytes: 512)],
                .invalidArgument
            ),
            ((0..<65).map { DeltaLogDisk(target: "d\($0)", sizeBytes: 512) }, .limitExceeded),
            ((0..<5).map { DeltaLogDisk(target: "d\($0)", sizeBytes: 1 << 60) }, .limitExceeded),
            ((0..<64).map { DeltaLogDisk(target: "d\($0)", sizeBytes: 1 << 60) }, .limitExceeded),
        ] as [([DeltaLogDisk], ReplicaError.Code)] {
            opening.disks = disks
            #expect(code { _ = try fixture.replica.openCycle(opening) } == expected)
        }
        #expect(try fixture.files("incoming").isEmpty)
    }

    @Test func aCycleThatCannotFitIsRefused() throws {
        let fixture = try prepared()
        var opening = fixture.opening(2, kind: .incremental)
        for bytes in [1 << 60, UInt64.max] {
            opening.expectedBytes = bytes
            #expect(code { _ = try fixture.replica.openCycle(opening) } == .spaceExhausted)
        }
    }

    @Test func aGrownDiskIsZeroInWhatTheCycleDoesNotCover() throws {
        let fixture = try prepared()
        fixture.guest.resize(0, blocks: 100)
        fixture.guest.fill(0, blocks: 80..<85, with: 7)
        try fixture.cycle(kind: .compare)
        #expect(try fixture.replica.view(cycle: 1).disks[0].sizeBytes == 64 * 4_096)
        try fixture.checkPoints()
        try fixture.replica.fold(upTo: 2)
        try fixture.checkPoints()
    }

    /// A disk that shrank, or went, and came back larger must not show what it held before.
    @Test(arguments: [false, true])
    func oldBytesNeverShowAgain(foldsBetween: Bool) throws {
        let fixture = try prepared()
        fixture.guest.fill(0, blocks: 0..<64, with: 8)
        try fixture.cycle()
        if foldsBetween { try fixture.replica.fold(upTo: 2) }
        fixture.guest.resize(0, blocks: 10)
        try fixture.cycle(kind: .compare)
        fixture.guest.resize(0, blocks: 64)
        try fixture.cycle(kind: .compare)
        fixture.guest.resize(0, blocks: 5)
        fixture.guest.resize(0, blocks: 64)
        fixture.guest.remove("vdb")
        try fixture.cycle(kind: .full)
        fixture.guest.add("vdb", blocks: 30)
        try fixture.cycle(kind: .compare)
        try fixture.checkPoints()
        for cycle in fixture.replica.points().dropFirst().map(\.cycle) {
            try fixture.replica.fold(upTo: cycle)
            try fixture.checkPoints()
        }
    }

    @Test func aComparisonShipsWhatDiffers() throws {
        let fixture = try prepared()
        fixture.guest.fill(0, blocks: 40..<42, with: 5)
        fixture.guest.fill(0, blocks: 3..<20, with: 0)
        let point = try fixture.cycle(kind: .compare)
        try fixture.checkPoints()
        #expect(point.changedBytes < 64 * 4_096)
        // Nothing differs now.
        #expect(try fixture.cycle(kind: .compare).changedBytes == 0)
    }

    @Test func aRenamedGuestIsNoted() throws {
        let fixture = try prepared()
        var opening = fixture.opening(2, kind: .incremental)
        opening.guestName = "other"
        _ = try fixture.replica.openCycle(opening)
        try fixture.reopen()
        #expect(try fixture.replica.describe().guestName == "other")
    }

    @Test func theDescriptionTellsWhatIsHeld() throws {
        let fixture = try prepared()
        try fixture.cycle()
        _ = try fixture.replica.openCycle(fixture.opening(3, kind: .incremental))
        let description = try fixture.replica.describe()
        #expect(description.protection == ReplicaFixture.identity.protection)
        #expect(description.newestCycle == 2)
        #expect(description.points == 2)
        #expect(description.openCycle == 3)
        #expect(description.baseCycle == 0)
        #expect(description.disks == fixture.guest.shape)
        #expect(description.journalBytes > 0)
        #expect(description.faults.isEmpty)
    }

    @Test func theDirectoryBelongsToOneOwner() throws {
        let fixture = try prepared()
        #expect(code { _ = try Replica.open(directory: fixture.directory) } == .locked)
        #expect(
            code {
                _ = try Replica.create(directory: fixture.directory, identity: ReplicaFixture.identity, generation: 1)
            } == .locked)
        fixture.replica.close()
        #expect(
            code {
                _ = try Replica.create(directory: fixture.directory, identity: ReplicaFixture.identity, generation: 1)
            } == .alreadyExists)
        #expect(code { _ = try fixture.replica.describe() } == .needsReopen)
        try fixture.reopen()
        try fixture.checkPoints()
    }

    /// QEMU has to reach what a guest runs from, and nobody else to read anything.
    @Test func filesAreForTheirOwnerAloneAndOthersMayPassToTheGuests() throws {
        let fixture = try prepared()
        func check() throws {
            for name in ["", "base"] { #expect(try fixture.permissions(name) == 0o711, "\(name)") }
            for name in ["journal", "incoming", "leases"] {
                #expect(try fixture.permissions(name) == 0o700, "\(name)")
            }
            for name in ["key", "manifest"] { #expect(try fixture.permissions(name) == 0o600, "\(name)") }
            for folder in ["base", "journal"] {
                for name in try fixture.files(folder) {
                    #expect(try fixture.permissions("\(folder)/\(name)") == 0o600, "\(folder)/\(name)")
                }
            }
        }
        try check()
        // As replicas of before have it.
        for name in ["", "/base"] { #expect(chmod(fixture.directory + name, 0o700) == 0) }
        try fixture.reopen()
        try check()
    }

    @Test func aDeletedReplicaIsGone() throws {
        let fixture = try prepared()
        try fixture.replica.delete()
        #expect(!Replica.exists(in: fixture.directory))
        #expect(try fixture.files("..").isEmpty)
        #expect(code { _ = try Replica.open(directory: fixture.directory) } == .notFound)
    }
}
