/// Gathers the extents of one block status request.
///
/// @unchecked because only the thread of the connection touches it, until the request has finished; then only the
/// receiver of the result does.
final class BlockStatusCollector: @unchecked Sendable {
    private(set) var status: BlockStatus
    private(set) var isTooLong = false
    private var entryCount = 0

    init(offset: UInt64) {
        status = BlockStatus(offset: offset)
    }

    /// - Parameter entries: pairs of length and flags.
    func add(_ entries: UnsafeBufferPointer<UInt32>, context: String, at offset: UInt64) {
        entryCount += entries.count / 2
        guard offset == status.offset, entryCount <= BlockDeviceLimits.extentsPerReply else {
            isTooLong = true
            return
        }
        status.append(
            stride(from: 0, to: entries.count - 1, by: 2).map {
                BlockStatus.Entry(length: UInt64(entries[$0]), flags: UInt64(entries[$0 + 1]))
            }, to: context)
    }
}
