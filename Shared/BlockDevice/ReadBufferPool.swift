import Glibc
import Synchronization

/// Memory for one chunk, aligned to pages.
///
/// @unchecked because the pool, the connection's thread and the reading task hold it one after the other, never at
/// once: the pool gives it to a request, the thread fills it, the task reads it and gives it back.
final class ReadBuffer: @unchecked Sendable {
    let bytes: UnsafeMutableRawBufferPointer

    init(byteCount: Int) {
        bytes = .allocate(byteCount: byteCount, alignment: 4_096)
    }

    deinit { bytes.deallocate() }
}

/// Keeps buffers for the next read, because fresh ones cost a page fault per 4 KiB, a third of the time of reading.
final class ReadBufferPool: Sendable {
    private struct State {
        var chunkBytes = 0
        var free: [ReadBuffer] = []
    }

    private let state = Mutex(State())

    func take(byteCount: Int) -> ReadBuffer {
        let reused: ReadBuffer? = state.withLock { state in
            guard state.chunkBytes == byteCount else { return nil }
            return state.free.popLast()
        }
        return reused ?? ReadBuffer(byteCount: byteCount)
    }

    /// Keeps buffers of one size, and at most as many as one read may have under way.
    func giveBack(_ buffer: ReadBuffer) {
        state.withLock { state in
            if state.chunkBytes != buffer.bytes.count {
                state.chunkBytes = buffer.bytes.count
                state.free = []
            }
            if state.free.count < BlockDeviceLimits.requestsInFlight.upperBound { state.free.append(buffer) }
        }
    }
}
