import BlockDevice
import Sealing
import Testing

@testable import ReplicationWorker

@Suite struct CompareWindowTests {
    private let block = 65_536

    private func hash(_ bytes: [UInt8]) -> [UInt8] { Array(SHA256Hasher.digest(of: bytes.span.bytes).prefix(16)) }
    private let zero = [UInt8](repeating: 0, count: 16)

    @Test func windowsCoverAJobWithoutOverlap() {
        let job: Range<UInt64> = 65_536..<(200 << 20) + 512
        var window: CompareWindow? = .first(of: job)
        var position = job.lowerBound
        while let current = window {
            #expect(current.range.lowerBound == position)
            #expect(current.range.count <= Int(ReplicationWorkerLimits.compareWindowBytes))
            position = current.range.upperBound
            window = current.next(in: job)
        }
        #expect(position == job.upperBound)
    }

    @Test func onlyBlocksThatHoldDataAreRead() {
        let window = CompareWindow.first(of: 0..<UInt64(block * 6))
        let extents = [
            ChangedExtent(offset: UInt64(block) + 4_096, length: 4_096, kind: .data),
            ChangedExtent(offset: UInt64(block * 3) - 512, length: 1_024, kind: .data),
        ]
        let data = [UInt8](repeating: 1, count: 16)
        // Blocks 0 and 5 are zero on both sides; 4 holds data at the target alone.
        let plan = window.plan(extents, targetHashes: zero + data + data + data + data + zero)
        #expect(plan.read == [UInt64(block)..<UInt64(block * 4)])
        #expect(plan.zeros == [UInt64(block * 4)..<UInt64(block * 5)])
    }

    @Test func runsOfBlocksThatDifferAreFound() {
        let window = CompareWindow.first(of: 0..<UInt64(block * 5))
        let same = [UInt8](repeating: 3, count: block)
        let changed = [UInt8](repeating: 4, count: block)
        let nothing = [UInt8](repeating: 0, count: block)
        let disk = same + changed + changed + nothing + nothing
        let hashes = hash(same) + hash(same) + hash(nothing) + hash(same) + zero
        let runs = disk.withUnsafeBytes { window.differing($0, at: 0, targetHashes: hashes) }
        #expect(
            runs == [
                .init(offset: block, length: block * 2, isZero: false),
                .init(offset: block * 3, length: block, isZero: true),
            ])
    }

    @Test func aShortLastBlockIsComparedAsItIs() {
        let end = UInt64(block + 512)
        let window = CompareWindow.first(of: 0..<end)
        let disk = [UInt8](repeating: 5, count: Int(end))
        let hashes = hash(Array(disk[..<block])) + hash(Array(disk[block...]))
        #expect(disk.withUnsafeBytes { window.differing($0, at: 0, targetHashes: hashes) }.isEmpty)
    }
}
