import Synchronization

/// Keeps buffers for the next read, because fresh ones cost a page fault per 4 KiB, a third of the time of reading.
///
/// Buffers are multiples of 64 KiB, so that blocks of about the same length find one again. A new buffer takes the place
/// of free ones of other sizes: with what is in use they never take more than was in use at once before.
final class ReadBufferPool: Sendable {
    private struct State {
        var free: [Int: [ReadBuffer]] = [:]
        var freeBytes = 0

        mutating func take(_ size: Int) -> ReadBuffer? {
            guard let buffer = free[size]?.popLast() else { return nil }
            freeBytes -= size
            return buffer
        }

        /// Lets go of free buffers until `byteCount` bytes are gained, or none is left.
        mutating func makeRoom(_ byteCount: Int) {
            var gained = 0
            while gained < byteCount, let size = free.first(where: { !$0.value.isEmpty })?.key {
                _ = take(size)
                gained += size
            }
        }
    }

    private static let granularityBytes = 64 << 10

    private let state = Mutex(State())

    var freeBytes: Int { state.withLock { $0.freeBytes } }

    /// At least `byteCount` bytes.
    func take(byteCount: Int) -> ReadBuffer {
        let size = (byteCount + Self.granularityBytes - 1) / Self.granularityBytes * Self.granularityBytes
        let reused: ReadBuffer? = state.withLock { state in
            if let buffer = state.take(size) { return buffer }
            state.makeRoom(size)
            return nil
        }
        return reused ?? ReadBuffer(byteCount: size)
    }

    /// Keeps it for the next read, unless `BlockDeviceLimits.freeBufferBytes` are kept already.
    func giveBack(_ buffer: ReadBuffer) {
        let size = buffer.bytes.count
        state.withLock { state in
            guard state.freeBytes + size <= BlockDeviceLimits.freeBufferBytes else { return }
            state.free[size, default: []].append(buffer)
            state.freeBytes += size
        }
    }
}
