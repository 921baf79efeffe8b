import FoundationEssentials
import Repeatable
import Sealing
import Testing

@testable import DeltaLog

@Suite struct DeltaLogMergerTests {
    let fixture: LogFixture

    init() throws { fixture = try LogFixture() }

    private func merge(_ names: [String], into name: String = "merged") throws -> DeltaLogReader {
        _ = try DeltaLogMerger.merge(
            logs: names.map(fixture.path), into: fixture.path(name), replicaKey: fixture.replicaKey)
        let reader = try fixture.reader(name)
        try reader.verify()
        return reader
    }

    @Test func aNewerPieceCutsAnOlderRecord() throws {
        let old = DiskWrite.pattern(1, count: 1 << 20)
        let new = DiskWrite.pattern(2, count: 64 << 10)
        try fixture.log("a", cycle: 1, writes: [.data(disk: 0, offset: 0, bytes: old)])
        try fixture.log("b", cycle: 2, writes: [.data(disk: 0, offset: 128 << 10, bytes: new)])
        let merged = try merge(["a", "b"])
        #expect(merged.header.cycle == 2 && merged.header.parentCycle == 0)
        #expect(merged.header.pointIdentifier == fixture.identifier(2))
        #expect(merged.header.parentPointIdentifier == .none)
        #expect(try merged.guest() == fixture.guest)
        #expect(merged.extents.map(\.offset) == [0, 128 << 10, 192 << 10])
        #expect(merged.extents.map(\.skip) == [0, 0, 192 << 10])
        #expect(merged.extents.map(\.keySlot) == [0, 1, 0])
        #expect(merged.summary.records == 2 && merged.summary.extents == 3)
        #expect(try merged.data(merged.extents[0]) == Array(old[..<(128 << 10)]))
        #expect(try merged.data(merged.extents[1]) == new)
        #expect(try merged.data(merged.extents[2]) == Array(old[(192 << 10)...]))
    }

    @Test func coveredRecordsAndTheirKeysAreDropped() throws {
        try fixture.log("a", cycle: 1, writes: [.data(disk: 0, offset: 4096, bytes: DiskWrite.pattern(1, count: 4096))])
        try fixture.log("b", cycle: 2, writes: [.zero(disk: 0, offset: 0, length: 1 << 20)])
        let merged = try merge(["a", "b"])
        #expect(merged.extents.count == 1 && merged.extents[0].isZero)
        #expect(merged.log.fileHeader.keyTable.count == 1)
        #expect(merged.log.fileHeader.keyTable.cycle(0) == 2)
    }

    @Test func logsWithoutRecordsMergeToOneWithout() throws {
        try fixture.log("a", cycle: 1, writes: [])
        try fixture.log("b", cycle: 2, writes: [])
        let merged = try merge(["a", "b"])
        #expect(merged.extents.isEmpty && merged.log.fileHeader.keyTable.count == 0)
    }

    @Test func onlyConsecutiveLogsMerge() throws {
        try fixture.log("a", cycle: 1, writes: [])
        try fixture.log("c", cycle: 3, writes: [])
        expectCode(.notConsecutive) { try merge(["a", "c"]) }
        expectCode(.notConsecutive) { try merge(["c", "a"]) }
        expectCode(.limitExceeded) { try merge([]) }
        #expect(!FileManager.default.fileExists(atPath: fixture.path("merged")))
    }

    @Test func anAlteredRecordEndsTheMergeAndLeavesNoFile() throws {
        try fixture.log(
            "a", cycle: 1, preference: .none,
            writes: [.data(disk: 0, offset: 0, bytes: DiskWrite.pattern(1, count: 4096))])
        try fixture.log("b", cycle: 2, writes: [])
        var bytes = try fixture.bytes("a")
        let position = try fixture.reader("a").extents[0].position
        bytes[Int(position) + 100] ^= 1
        try fixture.replace("a", with: bytes)
        expectCode(.corrupt, condition: .recordSeal) { try merge(["a", "b"]) }
        #expect(!FileManager.default.fileExists(atPath: fixture.path("merged")))
    }

    /// Random cycles over a small disk, merged in random groups and again, against an array of sectors.
    @Test(arguments: 0..<12)
    func mergingEqualsApplyingInOrder(seed: Int) throws {
        var random = SeededRandom(seed: UInt64(seed))
        let sectors = 512
        var model = [UInt8?](repeating: nil, count: sectors)
        var names: [String] = []
        for cycle in 1...UInt64.random(in: 2...9, using: &random) {
            var writes: [DiskWrite] = []
            var sector = Int.random(in: 0..<64, using: &random)
            while sector < sectors {
                let count = min(Int.random(in: 1...48, using: &random), sectors - sector)
                let fill = UInt8.random(in: 0...255, using: &random)
                let isZero = Bool.random(using: &random)
                for index in sector..<sector + count { model[index] = isZero ? 0 : fill }
                let offset = UInt64(sector) * 512
                writes.append(
                    isZero
                        ? .zero(disk: 0, offset: offset, length: UInt64(count) * 512)
                        : .data(disk: 0, offset: offset, bytes: .init(repeating: fill, count: count * 512)))
                sector += count + Int.random(in: 0..<96, using: &random)
            }
            names.append("cycle\(cycle)")
            try fixture.log(names[names.count - 1], cycle: cycle, writes: writes.shuffled(using: &random))
        }
        var round = 0
        while names.count > 1 {
            let count = Int.random(in: 2...names.count, using: &random)
            let start = Int.random(in: 0...names.count - count, using: &random)
            let name = "merged\(round)"
            _ = try merge(Array(names[start..<start + count]), into: name)
            names.replaceSubrange(start..<start + count, with: [name])
            round += 1
        }
        let merged = try fixture.reader(names[0])
        var found = [UInt8?](repeating: nil, count: sectors)
        for extent in merged.extents {
            let data = try merged.data(extent)
            for (index, sector) in (Int(extent.offset / 512)..<Int(extent.end / 512)).enumerated() {
                #expect(Set(data[index * 512..<(index + 1) * 512]).count == 1)
                found[sector] = data[index * 512]
            }
        }
        #expect(found == model)
    }
}
