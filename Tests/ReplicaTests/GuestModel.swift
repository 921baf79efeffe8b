import DeltaLog
import Repeatable

@testable import Replica

/// A guest's disks as plain byte arrays, with dirty tracking by block: what a replica's points are compared with. The last
/// block of a disk may be shorter.
struct GuestModel {
    static let blockBytes = 4_096

    struct Disk {
        var target: String
        var bytes: [UInt8]
        var dirty: Set<Int> = []

        var blocks: Range<Int> { 0..<(bytes.count + GuestModel.blockBytes - 1) / GuestModel.blockBytes }

        func bytes(of block: Int) -> Range<Int> {
            let start = block * GuestModel.blockBytes
            return start..<min(start + GuestModel.blockBytes, bytes.count)
        }
    }

    private(set) var disks: [Disk] = []

    func isZero(_ disk: Int, block: Int) -> Bool {
        disks[disk].bytes.withUnsafeBytes {
            UnsafeRawBufferPointer(rebasing: $0[disks[disk].bytes(of: block)]).isAllZero
        }
    }

    var shape: [DeltaLogDisk] {
        disks.map { DeltaLogDisk(target: $0.target, sizeBytes: UInt64($0.bytes.count)) }
    }

    /// Contents by target.
    var contents: [String: [UInt8]] {
        Dictionary(uniqueKeysWithValues: disks.map { ($0.target, $0.bytes) })
    }

    mutating func add(_ target: String, blocks: Int) {
        disks.append(Disk(target: target, bytes: [UInt8](repeating: 0, count: blocks * Self.blockBytes)))
    }

    mutating func remove(_ target: String) {
        disks.removeAll { $0.target == target }
    }

    mutating func resize(_ disk: Int, blocks: Int) { resize(disk, bytes: blocks * Self.blockBytes) }

    mutating func resize(_ disk: Int, bytes size: Int) {
        let bytes = disks[disk].bytes
        disks[disk].bytes =
            size < bytes.count ? Array(bytes[..<size]) : bytes + [UInt8](repeating: 0, count: size - bytes.count)
        disks[disk].dirty.formIntersection(disks[disk].blocks)
    }

    /// The disk holds this, whatever it held.
    mutating func replace(_ disk: Int, with bytes: [UInt8]) {
        disks[disk].bytes = bytes
        disks[disk].dirty = Set(disks[disk].blocks)
    }

    /// Fills blocks with one byte value, 0 included.
    mutating func fill(_ disk: Int, blocks: Range<Int>, with value: UInt8) {
        // Not one value throughout, so that a wrong offset within a block shows.
        let content = (0..<Self.blockBytes).map { value == 0 ? 0 : value &+ UInt8(truncatingIfNeeded: $0 >> 6) }
        for block in blocks {
            let range = disks[disk].bytes(of: block)
            disks[disk].bytes.replaceSubrange(range, with: content[..<range.count])
            // Nor one block like the next.
            if value != 0 { disks[disk].bytes[range.lowerBound] = UInt8(truncatingIfNeeded: block) }
            disks[disk].dirty.insert(block)
        }
    }

    /// Two disks that were written to all over, the same in every run.
    static var written: GuestModel {
        var guest = GuestModel()
        guest.add("vda", blocks: 300)
        guest.add("vdb", blocks: 40)
        var random = SeededRandom(seed: 5)
        guest.write(40, using: &random)
        return guest
    }

    mutating func clearDirty() {
        for disk in disks.indices { disks[disk].dirty = [] }
    }

    /// Random writes, zeroing and rewriting included.
    mutating func write(_ count: Int, using random: inout SeededRandom) {
        for _ in 0..<count {
            let disk = Int.random(in: 0..<disks.count, using: &random)
            let blocks = disks[disk].blocks
            let start = Int.random(in: blocks, using: &random)
            let end = min(blocks.upperBound, start + Int.random(in: 1...20, using: &random))
            let value = Bool.random(using: &random) ? UInt8.random(in: 1...255, using: &random) : 0
            fill(disk, blocks: start..<end, with: value)
        }
    }
}
