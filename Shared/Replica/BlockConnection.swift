internal import CLibnbd
import Glibc

/// One NBD connection, used synchronously. libnbd lets one call at a time use it; others wait.
final class BlockConnection: Sendable {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    // Because libnbd's handles have a lock of their own, libnbd(3), "MULTITHREADING".
    nonisolated(unsafe) private let handle: OpaquePointer
    let sizeBytes: UInt64

    /// Waits for the other side to serve.
    /// - Parameter socket: connected; it is this object's from now on.
    init(socket: Int32) throws {
        guard let handle = nbd_create() else {
            Glibc.close(socket)
            throw Self.failure
        }
        guard
            nbd_add_meta_context(handle, "base:allocation") == 0, nbd_connect_socket(handle, socket) == 0
        else {
            let failure = Self.failure
            nbd_close(handle)
            throw failure
        }
        let size = nbd_get_size(handle)
        guard size >= 0 else {
            let failure = Self.failure
            nbd_close(handle)
            throw failure
        }
        self.handle = handle
        sizeBytes = UInt64(size)
    }

    deinit { nbd_close(handle) }

    /// Whether the server is gone.
    var isDead: Bool { nbd_aio_is_dead(handle) == 1 || nbd_aio_is_closed(handle) == 1 }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws {
        try Self.check(nbd_pread(handle, buffer.baseAddress, buffer.count, offset, 0))
    }

    func write(_ buffer: UnsafeRawBufferPointer, at offset: UInt64) throws {
        try Self.check(nbd_pwrite(handle, buffer.baseAddress, buffer.count, offset, 0))
    }

    func zero(_ range: Range<UInt64>) throws {
        try Self.check(nbd_zero(handle, range.upperBound - range.lowerBound, range.lowerBound, 0))
    }

    func flush() throws { try Self.check(nbd_flush(handle, 0)) }

    /// The stretches from the start of a range on, perhaps not to its end; true stands for data.
    func stretches(in range: Range<UInt64>) throws -> [(length: UInt64, isData: Bool)] {
        var found: [(length: UInt64, isData: Bool)] = []
        let result = withUnsafeMutablePointer(to: &found) { found in
            let callback = nbd_extent_callback(
                callback: { found, _, _, entries, count, _ in
                    // libnbd calls this before nbd_block_status returns.
                    let found = found!.assumingMemoryBound(to: [(length: UInt64, isData: Bool)].self)
                    for pair in stride(from: 0, to: count, by: 2) {
                        let isZero = entries![pair + 1] & UInt32(LIBNBD_STATE_ZERO) != 0
                        found.pointee.append((UInt64(entries![pair]), !isZero))
                    }
                    return 0
                }, user_data: found, free: nil)
            return nbd_block_status(handle, range.upperBound - range.lowerBound, range.lowerBound, callback, 0)
        }
        try Self.check(result)
        return found
    }

    /// Ends the connection in order, so that the server ends too when it was the last.
    func shutdown() {
        // A connection that is gone needs no goodbye, so the result does not matter.
        _ = nbd_shutdown(handle, 0)
    }

    private static func check(_ result: Int32) throws {
        guard result == 0 else { throw failure }
    }

    private static var failure: Failure {
        Failure(description: nbd_get_error().map { String(cString: $0) } ?? "libnbd gave no reason")
    }
}
