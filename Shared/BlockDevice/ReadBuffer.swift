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
