import Testing

@testable import Policy

@Suite struct RegionCutterTests {
    let mebibyte: UInt64 = 1 << 20

    /// Checks what must hold of any cut, and gives the pieces.
    func cut(_ capture: Capture, everything: Bool = false, slots: Int = 4) -> [JobPiece] {
        let cutter = RegionCutter(capture: capture, coversEverything: everything, slots: slots)
        let pieces = cutter.pieces(of: capture)
        #expect(pieces.count <= PolicyLimits.jobsPerCycleMaximum)
        for (index, disk) in capture.disks.enumerated() {
            let own = pieces.filter { $0.diskIndex == index }
            for (left, right) in zip(own, own.dropFirst()) { #expect(left.offset + left.length <= right.offset) }
            if let last = own.last { #expect(last.offset + last.length <= disk.description.sizeBytes) }
            #expect(own.allSatisfy { $0.length > 0 })
            for (region, changed) in disk.changed.enumerated() where changed > 0 || everything {
                let start = UInt64(region) * disk.regionBytes
                let end = min(start + disk.regionBytes, disk.description.sizeBytes)
                let covered = own.reduce(UInt64(0)) { sum, piece in
                    let from = max(piece.offset, start)
                    let to = min(piece.offset + piece.length, end)
                    return sum + (to > from ? to - from : 0)
                }
                #expect(covered == end - start)
            }
        }
        return pieces
    }

    @Test func `a small delta is one job per disk`() {
        let pieces = cut(Samples.capture(1, changed: [0, 70_000, 0, 0, 9, 0]))
        #expect(pieces.count == 1)
        #expect(pieces[0].offset == mebibyte && pieces[0].length == 4 * mebibyte)
        #expect(pieces[0].changedBytes == 70_009)
    }

    @Test func `a full disk is cut into jobs of about 256 MiB`() {
        let region = 64 * mebibyte
        let pieces = cut(Samples.capture(1, changed: Array(repeating: region, count: 1_024), regionBytes: region))
        #expect(pieces.count == 256)
        #expect(pieces.allSatisfy { $0.changedBytes == PolicyLimits.jobBytesTarget })
    }

    @Test func `a middling delta is cut finer when there are workers for it`() {
        let capture = Samples.capture(1, changed: Array(repeating: mebibyte, count: 256))
        #expect(cut(capture, slots: 1).count == 2)
        #expect(cut(capture, slots: 4).count == 8)
        #expect(cut(capture, slots: 100).count == 8)
    }

    @Test func `a region larger than a job is split by length`() {
        let region: UInt64 = 1 << 30
        let pieces = cut(Samples.capture(1, changed: [region, 0, region / 2], regionBytes: region), slots: 1)
        #expect(pieces.count == 6)
        #expect(pieces.allSatisfy { $0.offset % mebibyte == 0 })
    }

    @Test func `what the target needs besides is counted, and goes into the pieces that cover it`() throws {
        let diverged = [
            DivergedRange(disk: 0, range: 3 * mebibyte - 512..<3 * mebibyte + 512),
            DivergedRange(disk: 0, range: 5 * mebibyte..<6 * mebibyte),
        ]
        let capture = try Samples.capture(1, changed: [7, 0, 0, 0, 0, 0]).bringing(diverged)
        #expect(capture.disks[0].changed == [7, 0, 512, 512, 0, mebibyte])
        let pieces = cut(capture).map { $0.bringing(diverged) }
        #expect(pieces.flatMap(\.diverged).reduce(0) { $0 + $1.upperBound - $1.lowerBound } == mebibyte + 1_024)
        for piece in pieces {
            #expect(piece.diverged.allSatisfy { $0.clamped(to: piece.offset..<piece.offset + piece.length) == $0 })
        }
    }

    @Test func `ranges that no disk has are refused`() {
        let capture = Samples.capture(1, changed: [7, 0])
        let wrong: [[DivergedRange]] = [
            [DivergedRange(disk: 1, range: 0..<512)], [DivergedRange(disk: 0, range: 0..<3 * mebibyte)],
            [DivergedRange(disk: 0, range: 512..<512)],
            [DivergedRange(disk: 0, range: 512..<1_024), DivergedRange(disk: 0, range: 0..<512)],
        ]
        for ranges in wrong { #expect(throws: PolicyError.self) { try capture.bringing(ranges) } }
    }

    @Test func `comparing covers what the source no longer has`() {
        let pieces = cut(Samples.capture(1, changed: [0, 0, 5, 0]), everything: true)
        #expect(pieces.count == 1)
        #expect(pieces[0].offset == 0 && pieces[0].length == 4 * mebibyte)
        #expect(cut(Samples.capture(1, changed: [0, 0]), everything: true).count == 1)
    }

    @Test func `an odd last region ends with the disk`() {
        var capture = Samples.capture(1, changed: [1, 1, 1])
        capture.disks[0].description.sizeBytes = 2 * mebibyte + 512
        #expect(cut(capture).last?.length == 2 * mebibyte + 512)
    }

    @Test(arguments: UInt64(1)...40)
    func `whatever changed, every cut holds`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let region = UInt64(1) << UInt64.random(in: 16...34, using: &random)
        let regions = Int.random(in: 1...1_024, using: &random)
        var capture = Samples.capture(
            1,
            changed: (0..<regions).map { _ in
                random.next() % 3 == 0 ? 0 : UInt64.random(in: 0...region, using: &random)
            }, regionBytes: region)
        capture.disks[0].description.sizeBytes -= UInt64.random(in: 0..<region, using: &random)
        var second = capture.disks[0]
        second.description.target = "vdb"
        capture.disks.append(second)
        _ = cut(capture, everything: random.next() % 2 == 0, slots: Int.random(in: 0...64, using: &random))
    }
}
