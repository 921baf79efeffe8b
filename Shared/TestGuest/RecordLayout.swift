/// Where the guest's records lie. The same bytes are written by Guest/init.c.
///
/// | bytes | meaning |
/// |---|---|
/// | 0–7 | `BSCREC01` |
/// | 8–15 | number, from 1, little-endian |
/// | 16–4087 | pseudo-random, seeded by the number |
/// | 4088–4095 | FNV-1a over the 64-bit little-endian words before it |
///
/// Records go round the disks; on each disk runs of 16 records (64 KiB) are spread over the record area, and each newer
/// record overwrites the one that had its place a whole round earlier.
package struct RecordLayout: Sendable {
    package static let recordBytes: UInt64 = 4_096
    static let recordsPerRun: UInt64 = 16
    static let stride: UInt64 = 2_654_435_761

    package let diskCount: Int
    /// A power of two.
    package let areaBytes: UInt64

    package init(diskCount: Int, areaBytes: UInt64) {
        self.diskCount = diskCount
        self.areaBytes = areaBytes
    }

    /// Records that the area of all disks holds at once.
    package var capacity: UInt64 { areaBytes / Self.recordBytes * UInt64(diskCount) }

    package func disk(of number: UInt64) -> Int { Int((number - 1) % UInt64(diskCount)) }

    package func offset(of number: UInt64) -> UInt64 {
        let index = (number - 1) / UInt64(diskCount)
        let runs = areaBytes / Self.recordBytes / Self.recordsPerRun
        let run = (index / Self.recordsPerRun) &* Self.stride % runs
        return (run * Self.recordsPerRun + index % Self.recordsPerRun) * Self.recordBytes
    }
}
