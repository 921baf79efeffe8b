import BlockDevice
import Sealing

/// A part of a disk that is compared at once, and the decisions about it: no I/O.
struct CompareWindow: Sendable, Equatable {
    private static let blockBytes = UInt64(ReplicationWorkerLimits.compareBlockBytes)
    private static let hashBytes = 16
    private static let zeroHash = [UInt8](repeating: 0, count: hashBytes)

    /// Begins on a block; ends on one, or where the disk does.
    let range: Range<UInt64>

    static func first(of job: Range<UInt64>) -> CompareWindow { CompareWindow(from: job.lowerBound, in: job) }

    func next(in job: Range<UInt64>) -> CompareWindow? {
        range.upperBound < job.upperBound ? CompareWindow(from: range.upperBound, in: job) : nil
    }

    private init(from start: UInt64, in job: Range<UInt64>) {
        precondition(start % Self.blockBytes == 0, "a window begins on a block")
        range = start..<min(job.upperBound, start + ReplicationWorkerLimits.compareWindowBytes)
    }

    struct Plan: Equatable {
        /// Zero at the source, and not at the target.
        var zeros: [Range<UInt64>] = []
        /// To be read and hashed.
        var read: [Range<UInt64>] = []
    }

    /// Which blocks have to be read: those that hold any data. A block without data needs no reading, only the
    /// question whether the target holds zeros too.
    func plan(_ extents: [ChangedExtent], targetHashes: [UInt8]) -> Plan {
        var plan = Plan()
        var data = extents.filter { $0.kind == .data }[...]
        var block = range.lowerBound
        while block < range.upperBound {
            let end = min(range.upperBound, block + Self.blockBytes)
            while let first = data.first, first.end <= block { data.removeFirst() }
            if let first = data.first, first.offset < end {
                Self.append(block..<end, to: &plan.read)
            } else if !isZero(at: block, targetHashes) {
                Self.append(block..<end, to: &plan.zeros)
            }
            block = end
        }
        return plan
    }

    /// Runs of whole blocks of what was read that differ from the target's.
    func differing(_ bytes: UnsafeRawBufferPointer, at offset: UInt64, targetHashes: [UInt8]) -> [ZeroRuns.Run] {
        precondition((offset - range.lowerBound) % Self.blockBytes == 0, "chunks begin on a block")
        var runs: [ZeroRuns.Run] = []
        var position = 0
        while position < bytes.count {
            let length = min(Int(Self.blockBytes), bytes.count - position)
            let block = UnsafeRawBufferPointer(rebasing: bytes[position..<position + length])
            let isZero = ZeroRuns.isZero(block)
            let ours = isZero ? Self.zeroHash : Self.hash(block)
            if !targetHash(at: offset + UInt64(position), targetHashes).elementsEqual(ours) {
                if let last = runs.last, last.isZero == isZero, last.offset + last.length == position {
                    runs[runs.count - 1].length += length
                } else {
                    runs.append(ZeroRuns.Run(offset: position, length: length, isZero: isZero))
                }
            }
            position += length
        }
        return runs
    }

    private static func hash(_ block: UnsafeRawBufferPointer) -> [UInt8] {
        Array(SHA256Hasher.digest(of: RawSpan(_unsafeBytes: block)).prefix(hashBytes))
    }

    private func targetHash(at offset: UInt64, _ hashes: [UInt8]) -> ArraySlice<UInt8> {
        let index = Int((offset - range.lowerBound) / Self.blockBytes) * Self.hashBytes
        return hashes[index..<index + Self.hashBytes]
    }

    private func isZero(at offset: UInt64, _ hashes: [UInt8]) -> Bool {
        targetHash(at: offset, hashes).allSatisfy { $0 == 0 }
    }

    private static func append(_ range: Range<UInt64>, to ranges: inout [Range<UInt64>]) {
        if let last = ranges.last, last.upperBound == range.lowerBound {
            ranges[ranges.count - 1] = last.lowerBound..<range.upperBound
        } else {
            ranges.append(range)
        }
    }
}
