import CLibnbd
import Glibc

/// A libnbd handle with errors as values. Owned by the thread of one connection, which alone calls it.
///
/// libnbd keeps its last error per thread, so every call that fails is followed at once by reading it, in the same
/// synchronous function (libnbd(3), "Error handling").
struct NBDHandle: ~Copyable {
    enum Interest { case read, write, both, nothing }

    /// One finished command.
    struct Completion {
        let cookie: Int64
        let error: BlockDeviceError?
    }

    private let handle: OpaquePointer

    init() throws {
        guard let handle = nbd_create() else {
            throw BlockDeviceError(.connectFailed, "No NBD handle could be made.", cause: Self.lastWords)
        }
        self.handle = handle
    }

    deinit { nbd_close(handle) }

    func beginConnecting(to uri: String, contexts: [String]) throws {
        // Buffers are written by the server's answer anyway; clearing them first would cost a quarter of the speed.
        try check(nbd_set_pread_initialize(handle, false), .connectFailed, "The handle could not be set up.")
        try check(
            nbd_set_uri_allow_transports(
                handle, UInt32(LIBNBD_ALLOW_TRANSPORT_UNIX) | UInt32(LIBNBD_ALLOW_TRANSPORT_TCP)),
            .connectFailed, "The handle could not be set up.")
        for context in contexts {
            try check(
                nbd_add_meta_context(handle, context), .connectFailed, "Context \(context) could not be asked for.")
        }
        guard nbd_aio_connect_uri(handle, uri) == 0 else {
            throw lastError(.connectFailed, "The disk at \(uri) could not be reached.")
        }
    }

    func export(contexts: [String]) throws -> NBDExport {
        for context in contexts where nbd_can_meta_context(handle, context) != 1 {
            throw BlockDeviceError(.contextMissing, "The server does not offer the context \(context).")
        }
        let size = nbd_get_size(handle)
        guard size >= 0 else { throw lastError(.connectFailed, "The server did not say how large the disk is.") }
        let said = nbd_get_block_size(handle, Int32(LIBNBD_SIZE_MAXIMUM))
        // Whole blocks of 64 KiB, because requests have to end where the next one's records begin.
        let largest = said > 0 ? Int(said) / 65_536 * 65_536 : BlockDeviceLimits.chunkBytes.upperBound
        guard largest > 0 else {
            throw BlockDeviceError(
                .connectFailed, "The server answers at most \(said) bytes at once; at least 65536 are needed.")
        }
        return NBDExport(
            sizeBytes: UInt64(size), allowsManyConnections: nbd_can_multi_conn(handle) == 1,
            largestRequestBytes: largest)
    }

    var isConnecting: Bool { nbd_aio_is_connecting(handle) == 1 }
    var isReady: Bool { nbd_aio_is_ready(handle) == 1 || nbd_aio_is_processing(handle) == 1 }
    var isDead: Bool { nbd_aio_is_dead(handle) == 1 || nbd_aio_is_closed(handle) == 1 }
    var descriptor: Int32 { nbd_aio_get_fd(handle) }

    var interest: Interest {
        switch Int32(nbd_aio_get_direction(handle)) {
        case LIBNBD_AIO_DIRECTION_READ: .read
        case LIBNBD_AIO_DIRECTION_WRITE: .write
        case LIBNBD_AIO_DIRECTION_BOTH: .both
        case let other where other == 0: .nothing
        case let other: preconditionFailure("libnbd knows no direction \(other)")
        }
    }

    /// - Parameter buffer: stays where it is until the command has finished or the handle is gone.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws -> Int64 {
        let cookie = nbd_aio_pread(
            handle, buffer.baseAddress, buffer.count, offset, nbd_completion_callback(), 0)
        guard cookie >= 0 else { throw lastError(.connectionLost, "Reading at \(offset) could not begin.") }
        return cookie
    }

    func blockStatus(of range: Range<UInt64>, into collector: BlockStatusCollector) throws -> Int64 {
        let box = Unmanaged.passRetained(collector)
        let callback = nbd_extent_callback(
            callback: { box, context, offset, entries, count, error in
                // libnbd calls this on the thread that runs the handle, while the box is retained for it.
                let collector = Unmanaged<BlockStatusCollector>.fromOpaque(box!).takeUnretainedValue()
                collector.add(
                    UnsafeBufferPointer(start: entries, count: count), context: String(cString: context!), at: offset)
                return 0
            },
            user_data: box.toOpaque(),
            free: { box in Unmanaged<BlockStatusCollector>.fromOpaque(box!).release() })
        let cookie = nbd_aio_block_status(
            handle, range.upperBound - range.lowerBound, range.lowerBound, callback, nbd_completion_callback(), 0)
        guard cookie >= 0 else {
            throw lastError(.connectionLost, "Asking about offset \(range.lowerBound) could not begin.")
        }
        return cookie
    }

    func becameReadable() throws {
        guard nbd_aio_notify_read(handle) == 0 else {
            throw lastError(.connectionLost, "The connection to the disk was lost.")
        }
    }

    func becameWritable() throws {
        guard nbd_aio_notify_write(handle) == 0 else {
            throw lastError(.connectionLost, "The connection to the disk was lost.")
        }
    }

    /// The next command that finished, if any. Says so once per command.
    func nextCompletion() -> Completion? {
        let cookie = nbd_aio_peek_command_completed(handle)
        guard cookie > 0 else { return nil }
        switch nbd_aio_command_completed(handle, UInt64(cookie)) {
        case 1: return Completion(cookie: cookie, error: nil)
        default:
            // What waits for an answer when the connection ends is failed so by libnbd; no server may answer with it.
            let isLost = nbd_get_errno() == ENOTCONN
            return Completion(
                cookie: cookie,
                error: isLost
                    ? lastError(.connectionLost, "The connection to the disk was lost.")
                    : lastError(.serverError, "The server failed a request."))
        }
    }

    /// Says goodbye, without waiting for an answer.
    func disconnect() {
        // A connection that is gone needs no goodbye, so the result does not matter.
        _ = nbd_aio_disconnect(handle, 0)
    }

    private func check(_ result: Int32, _ code: BlockDeviceError.Code, _ message: String) throws {
        guard result == 0 else { throw lastError(code, message) }
    }

    private func lastError(_ code: BlockDeviceError.Code, _ message: String) -> BlockDeviceError {
        let number = nbd_get_errno()
        return BlockDeviceError(code, message, cause: Self.lastWords, errno: number)
    }

    private static var lastWords: String {
        nbd_get_error().map { String(cString: $0) } ?? ""
    }
}
