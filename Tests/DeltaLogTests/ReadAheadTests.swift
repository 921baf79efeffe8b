import Testing

@testable import DeltaLog

@Suite struct ReadAheadTests {
    private func extents(_ count: Int, payloadBytes: UInt32) -> [DeltaLogExtent] {
        (0..<count).map {
            DeltaLogExtent(
                disk: 0, offset: UInt64($0) << 20, lengthSectors: 2_048, skipSectors: 0,
                position: UInt64(count - $0) << 20, payloadBytes: payloadBytes, keySlot: 0)
        }
    }

    @Test func everyRecordButTheFirstIsAnnouncedOnceInOrder() {
        let extents = extents(100, payloadBytes: 1 << 20)
        var readAhead = ReadAhead()
        var announced: [Int] = []
        for index in extents.indices {
            readAhead.step(to: index, of: extents.count, extent: { extents[$0] }) { place, extent in
                #expect(extent == extents[place])
                announced.append(place)
            }
            let ahead = announced.filter { $0 > index }.reduce(0) { $0 + extents[$1].recordBytes }
            #expect(ahead < DeltaLogLimits.readAheadBytes + extents[0].recordBytes)
        }
        #expect(announced == Array(1..<100))
    }

    @Test func smallRecordsAreAnnouncedManyAtOnce() {
        let extents = extents(1_000, payloadBytes: 512)
        var readAhead = ReadAhead()
        var announced = 0
        readAhead.step(to: 0, of: extents.count, extent: { extents[$0] }) { _, _ in announced += 1 }
        #expect(announced == 999)
    }
}
