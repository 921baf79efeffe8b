import Testing

@testable import DeltaLog

@Suite struct DeltaLogExtentTests {
    private let extent = DeltaLogExtent(
        disk: 1, offset: 8192, lengthSectors: 16, skipSectors: 2, position: 999, payloadBytes: 5, keySlot: 3)

    @Test func anExtentTakes32BytesInMemoryAsOnDisk() {
        #expect(MemoryLayout<DeltaLogExtent>.stride == DeltaLogExtent.byteCount)
        #expect(MemoryLayout<LayeredExtent>.stride == 40)
    }

    @Test func aPartKeepsItsPlaceInTheRecord() {
        let part = extent.part(9216..<10_240)
        #expect(part.range == 9216..<10_240)
        #expect(part.skip == 1024 + 1024)
        #expect(part.position == 999 && part.payloadBytes == 5 && part.keySlot == 3 && part.disk == 1)
    }

    @Test func askingForMoreThanTheExtentIsOurFault() async {
        await #expect(processExitsWith: .failure) {
            let extent = DeltaLogExtent(
                disk: 0, offset: 0, lengthSectors: 2, skipSectors: 0, position: 0, payloadBytes: 5, keySlot: 0)
            _ = extent.part(0..<2048)
        }
    }

    /// Every way in which two ranges of one disk can lie to each other, and another disk.
    @Test(arguments: [
        (0..<2, [0..<2, 4..<8]), (2..<4, [2..<4, 4..<8]), (2..<5, [2..<5, 5..<8]), (4..<6, [4..<6, 6..<8]),
        (5..<6, [4..<5, 5..<6, 6..<8]), (6..<8, [4..<6, 6..<8]), (7..<9, [4..<7, 7..<9]), (8..<9, [4..<8, 8..<9]),
        (3..<9, [3..<9]), (4..<8, [4..<8]),
    ])
    func newerCoversOlder(newer: Range<Int>, result: [Range<Int>]) {
        func layered(_ sectors: Range<Int>, log: UInt16, disk: UInt16 = 0) -> LayeredExtent {
            LayeredExtent(
                extent: DeltaLogExtent(
                    disk: disk, offset: UInt64(sectors.lowerBound) * 512, lengthSectors: UInt32(sectors.count),
                    skipSectors: 0, position: 0, payloadBytes: 1, keySlot: 0), log: log)
        }
        let laid = LayeredExtent.overlay(
            [layered(newer, log: 1)], on: [layered(4..<8, log: 0), layered(0..<9, log: 0, disk: 1)])
        #expect(laid.dropLast().map { Int($0.extent.offset / 512)..<Int($0.extent.end / 512) } == result)
        #expect(laid.last == layered(0..<9, log: 0, disk: 1))
        for item in laid.dropLast() {
            let start = Int(item.extent.offset / 512)
            #expect(item.log == (newer.contains(start) ? 1 : 0))
            #expect(item.extent.skip == (item.log == 0 ? item.extent.offset - 4 * 512 : 0))
        }
    }
}
