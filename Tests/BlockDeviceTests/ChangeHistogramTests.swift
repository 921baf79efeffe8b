import Testing

@testable import BlockDevice

struct ChangeHistogramTests {
    @Test func regionsCoverTheDiskAndAreAtMostAsManyAsAsked() {
        for (size, regions) in [(1, 1), (1 << 20, 1_024), (5 << 30, 1_024), (1 << 40, 1_024), (3 << 20, 2)] {
            let histogram = ChangeHistogram(sizeBytes: UInt64(size), regionsAtMost: regions)
            #expect(histogram.changed.count <= regions)
            #expect(UInt64(histogram.changed.count) * histogram.regionBytes >= UInt64(size))
            #expect((UInt64(histogram.changed.count) - 1) * histogram.regionBytes < UInt64(size))
        }
    }

    @Test func anExtentAcrossRegionsIsSplit() {
        var histogram = ChangeHistogram(sizeBytes: 4 << 20, regionsAtMost: 4)
        histogram.add(.init(offset: (1 << 20) - 10, length: 30, kind: .data))
        #expect(histogram.changed == [10, 20, 0, 0])
        #expect(histogram.totalBytes == 30)
    }

    @Test func zerosWeighLittleButNeverNothing() {
        var histogram = ChangeHistogram(sizeBytes: 2 << 20, regionsAtMost: 2)
        histogram.add(.init(offset: 0, length: 2 << 20, kind: .zero))
        #expect(histogram.changed == [4_096, 4_096])
        #expect(histogram.zeroBytes == 2 << 20)
    }
}
