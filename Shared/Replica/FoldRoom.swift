internal import DeltaLog
import Glibc

/// What a fold takes of file systems before its logs may go. It is asked first, because a fold that stops half way has
/// cost the points before its own, and has freed nothing. A value.
struct FoldRoom {
    /// By the file systems' device numbers: bytes that images will take there, and a path on each.
    private var needed: [UInt64: (bytes: UInt64, place: String)] = [:]

    mutating func add(_ bytes: UInt64, on device: UInt64, at place: String) {
        needed[device, default: (0, place)].bytes += bytes
    }

    /// What needs no more space goes on however little there is, because folding is also what gives space back.
    /// - Parameter free: bytes that may still be used where a path is.
    /// - Throws: `ReplicaError` with code `spaceExhausted` when a file system would come down to less than `FoldSpace`
    ///   leaves.
    func check(free: (String) throws -> UInt64) throws {
        for (bytes, place) in needed.values where bytes > 0 {
            let left = try free(place)
            let wanted = bytes + FoldSpace.leastFreeBytes
            guard left < wanted else { continue }
            throw ReplicaError(
                .spaceExhausted,
                "the disk images have no room for what the journal holds, which has to be written there before its "
                    + "logs may go",
                remedy: "Give the file system of \(place) \((wanted - left).roundedUpToMebibytes) MiB more.",
                facts: ["needed": "\(bytes)", "reserved": "\(FoldSpace.leastFreeBytes)", "free": "\(left)"])
        }
    }
}

extension UInt64 {
    fileprivate var roundedUpToMebibytes: UInt64 { (self + (1 << 20) - 1) >> 20 }
}

extension BaseImages {
    /// What the images of these disks may take more than they do, whatever is written into them.
    func roomForAnything(in disks: [DeltaLogDisk]) throws -> FoldRoom {
        try room(in: disks) { _, unallocated in unallocated }
    }

    /// What they will take more once they hold what the indexes show, one for each disk. Exactly for images of our own;
    /// at most, for adopted ones, whose holes are QEMU's to know.
    func room(for indexes: [ExtentIndex], in disks: [DeltaLogDisk]) throws -> FoldRoom {
        try room(in: disks) { position, unallocated in
            let target = disks[position].target
            let data = indexes[position].entries.filter { !$0.extent.isZero }.map(\.extent.range)
            guard adoptedImage(of: target) == nil, let image = try RawBaseImage.openForReading(path(of: target)) else {
                return min(unallocated, data.reduce(0) { $0 + UInt64($1.count) })
            }
            var holes: UInt64 = 0
            for range in data {
                try image.forEachStretch(in: range) { stretch, isData in
                    if !isData { holes += UInt64(stretch.count) }
                }
            }
            return holes
        }
    }

    private func room(
        in disks: [DeltaLogDisk], bytes: (_ position: Int, _ unallocated: UInt64) throws -> UInt64
    ) throws -> FoldRoom {
        var room = FoldRoom()
        for (position, disk) in disks.enumerated() {
            let path = path(of: disk.target)
            let isThere = DurableFiles.exists(path)
            let status = try OpenFile(path: isThere ? path : layout.base, flags: O_RDONLY).status()
            let allocated = isThere ? UInt64(status.st_blocks) * 512 : 0
            let unallocated = disk.sizeBytes - min(allocated, disk.sizeBytes)
            room.add(try bytes(position, unallocated), on: UInt64(status.st_dev), at: isThere ? path : layout.base)
        }
        return room
    }
}
