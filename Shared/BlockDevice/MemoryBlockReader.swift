import Synchronization

/// A reader over bytes in memory, for tests that need no QEMU.
package final class MemoryBlockReader: BlockReader {
    package let sizeBytes: UInt64
    private let bytes: SparseBytes
    /// Per context: numbers of the dirty blocks of `SparseBytes.blockBytes`.
    private let dirtyBlocks: [String: Set<UInt64>]
    private let extentsPerPage: Int
    private let failure: @Sendable (_ range: Range<UInt64>) -> BlockDeviceError?
    private let isClosed = Mutex(false)

    /// - Parameter failure: asked before each chunk is delivered; an error it returns ends the read.
    package init(
        _ bytes: SparseBytes, dirtyBlocks: [String: Set<UInt64>] = [:],
        extentsPerPage: Int = BlockDeviceLimits.extentsPerPage,
        failure: @escaping @Sendable (_ range: Range<UInt64>) -> BlockDeviceError? = { _ in nil }
    ) {
        sizeBytes = bytes.sizeBytes
        self.bytes = bytes
        self.dirtyBlocks = dirtyBlocks
        self.extentsPerPage = extentsPerPage
        self.failure = failure
    }

    package func changedExtents(in range: Range<UInt64>, bitmapContext: String?) async throws -> ChangedExtentPage {
        try checkOpen()
        precondition(!range.isEmpty && range.upperBound <= sizeBytes)
        let dirty: Set<UInt64>?
        if let bitmapContext {
            guard let known = dirtyBlocks[bitmapContext] else {
                throw BlockDeviceError(.contextMissing, "The disk in memory has no context \(bitmapContext).")
            }
            dirty = known
        } else {
            dirty = nil
        }
        var merger = ExtentMerger(limit: extentsPerPage)
        var position = range.lowerBound
        while position < range.upperBound, !merger.isFull {
            let block = position / SparseBytes.blockBytes
            let end = min(range.upperBound, (block + 1) * SparseBytes.blockBytes)
            if dirty?.contains(block) ?? true {
                merger.append(
                    .init(
                        offset: position, length: end - position, kind: bytes.isAllocated(position) ? .data : .zero))
            }
            position = end
        }
        return ChangedExtentPage(extents: merger.extents, end: position)
    }

    package func read(
        _ ranges: [Range<UInt64>], options: ReadOptions,
        deliver: (UInt64, UnsafeRawBufferPointer) async throws -> Void
    ) async throws {
        for range in ranges {
            precondition(!range.isEmpty && range.upperBound <= sizeBytes)
            var position = range.lowerBound
            while position < range.upperBound {
                try checkOpen()
                try Task.checkCancellation()
                let end = min(range.upperBound, position + UInt64(options.chunkBytes))
                if let error = failure(position..<end) { throw error }
                let chunk = bytes.read(position..<end)
                let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: chunk.count, alignment: 4_096)
                defer { copy.deallocate() }
                copy.copyBytes(from: chunk)
                try await deliver(position, UnsafeRawBufferPointer(copy))
                position = end
            }
        }
    }

    package func close() async {
        isClosed.withLock { $0 = true }
    }

    private func checkOpen() throws {
        if isClosed.withLock({ $0 }) {
            throw BlockDeviceError(.closed, "The disk in memory was closed.")
        }
    }
}
