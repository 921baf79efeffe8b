/// Memory for one record, given to libzmq without a copy. Fill it once, then send it.
///
/// @unchecked because: it is written by its maker before `send` and only read afterwards.
package final class BulkBuffer: @unchecked Sendable {
    let memory: UnsafeMutableRawBufferPointer
    /// Bytes to send, from the start.
    package private(set) var count: Int

    package init(capacity: Int) {
        memory = .allocate(byteCount: capacity, alignment: 64)
        count = 0
    }

    deinit { memory.deallocate() }

    /// `body` writes into the whole capacity and returns how many bytes it used.
    package func fill(_ body: (UnsafeMutableRawBufferPointer) throws -> Int) rethrows {
        let used = try body(memory)
        precondition(used >= 0 && used <= memory.count, "a bulk buffer was filled beyond its end")
        count = used
    }
}
