internal import Sealing

/// Hashes of a disk's blocks, for finding by comparison what differs on the source.
///
/// Each block of 64 KiB, counted from the start of the range, gives 16 bytes: the first half of the SHA-256 of its
/// bytes, or 16 zero bytes when it holds only zeros. The last block ends with the range. Beyond the disk's end there
/// are zeros.
package enum BlockHashes {
    /// Holds `ReplicaLimits.copyBufferBytes` of the disk in memory at a time.
    /// - Parameters:
    ///   - disk: nil when the point does not have it; then every block holds zeros.
    ///   - range: at most `ReplicaLimits.hashRangeBytes`, beginning at a block.
    package static func compute(disk: DiskView?, range: Range<UInt64>) throws -> [UInt8] {
        let block = UInt64(ReplicaLimits.hashBlockBytes)
        guard
            range.upperBound - range.lowerBound <= ReplicaLimits.hashRangeBytes, range.lowerBound % block == 0
        else {
            throw ReplicaError(
                .invalidArgument, "a range for block hashes is too long or begins within a block",
                remedy: "Ask for at most \(ReplicaLimits.hashRangeBytes) bytes from a multiple of \(block).",
                facts: ["offset": "\(range.lowerBound)", "length": "\(range.count)"])
        }
        let blocks = (range.count + Int(block) - 1) / Int(block)
        var hashes = [UInt8](repeating: 0, count: blocks * ReplicaLimits.blockHashBytes)
        guard let disk, range.lowerBound < disk.sizeBytes else { return hashes }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: ReplicaLimits.copyBufferBytes, alignment: 4_096)
        defer { buffer.deallocate() }
        var offset = range.lowerBound
        while offset < min(range.upperBound, disk.sizeBytes) {
            let window = offset..<min(range.upperBound, offset + UInt64(buffer.count))
            let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<window.count])
            if try fill(part, from: disk, window: window) {
                let first = Int(offset - range.lowerBound) / Int(block)
                hash(UnsafeRawBufferPointer(part), firstBlock: first, into: &hashes)
            }
            offset = window.upperBound
        }
        return hashes
    }

    /// - Returns: false when the window holds nothing but zeros by its block status; then nothing was read.
    private static func fill(
        _ buffer: UnsafeMutableRawBufferPointer, from disk: DiskView, window: Range<UInt64>
    ) throws -> Bool {
        let held = window.clamped(to: 0..<disk.sizeBytes)
        var hasData = false
        try disk.forEachStretch(in: held) { if $1 == .data { hasData = true } }
        guard hasData else { return false }
        try disk.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<held.count]), at: held.lowerBound)
        UnsafeMutableRawBufferPointer(rebasing: buffer[held.count...]).initializeMemory(as: UInt8.self, repeating: 0)
        return true
    }

    private static func hash(_ bytes: UnsafeRawBufferPointer, firstBlock: Int, into hashes: inout [UInt8]) {
        var block = firstBlock
        for start in stride(from: 0, to: bytes.count, by: ReplicaLimits.hashBlockBytes) {
            let end = min(start + ReplicaLimits.hashBlockBytes, bytes.count)
            let content = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
            if !content.isAllZero {
                var hasher = SHA256Hasher()
                hasher.update(content)
                let position = block * ReplicaLimits.blockHashBytes
                hashes.replaceSubrange(
                    position..<position + ReplicaLimits.blockHashBytes,
                    with: hasher.digest().prefix(ReplicaLimits.blockHashBytes))
            }
            block += 1
        }
    }
}

extension UnsafeRawBufferPointer {
    /// Looks at eight bytes at a time.
    var isAllZero: Bool {
        let words = count / 8
        for word in 0..<words where loadUnaligned(fromByteOffset: word * 8, as: UInt64.self) != 0 { return false }
        return self[(words * 8)...].allSatisfy { $0 == 0 }
    }
}
