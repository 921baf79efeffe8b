/// Memory aligned for direct writes, filled from the front, and the place in the file that it goes to.
///
/// Unchecked, because a buffer has one owner at a time: the log that fills it, then the thread that writes it.
final class StagingBuffer: @unchecked Sendable {
    private let memory: UnsafeMutableRawBufferPointer
    private(set) var filled = 0
    private(set) var position: UInt64 = 0

    init() {
        memory = .allocate(
            byteCount: DeltaLogLimits.stagingBufferBytes, alignment: DeltaLogLimits.blockBytes)
    }

    deinit {
        memory.deallocate()
    }

    var isFull: Bool { filled == memory.count }
    var contents: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: memory[..<filled]) }

    func begin(at position: UInt64) {
        precondition(position % UInt64(DeltaLogLimits.blockBytes) == 0, "direct writes start on a block")
        self.position = position
        filled = 0
    }

    /// Takes as much as fits, and returns how much that was.
    func append(_ bytes: UnsafeRawBufferPointer) -> Int {
        let count = min(bytes.count, memory.count - filled)
        guard count > 0 else { return 0 }
        UnsafeMutableRawBufferPointer(rebasing: memory[filled...])
            .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<count]))
        filled += count
        return count
    }

    /// Fills the last block with zeros.
    func pad() {
        let block = DeltaLogLimits.blockBytes
        let end = (filled + block - 1) / block * block
        UnsafeMutableRawBufferPointer(rebasing: memory[filled..<end]).clear()
        filled = end
    }
}
