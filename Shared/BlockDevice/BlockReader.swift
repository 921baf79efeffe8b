/// Reads one disk as it was at the capture instant.
///
/// A reader is used by one transfer at a time for `read`, and by any number of callers for the rest. None of its methods
/// blocks a thread of the cooperative pool.
///
/// Errors are `BlockDeviceError`; a cancelled task gets `CancellationError`. After an error of `read` the reader may be
/// used again unless the error says that the connection is gone (`isConnectionLost`).
package protocol BlockReader: Sendable {
    /// Virtual size of the disk in bytes. Fixed for the life of the reader.
    var sizeBytes: UInt64 { get }

    /// One bounded page of what has to be sent from `range`, in rising order and without overlap.
    ///
    /// With a bitmap context (`qemu:dirty-bitmap:…`, named at connect) the extents are the dirty ones: `.data` where
    /// the disk holds data, `.zero` where it reads as zeros. Without one, `range` is covered wholly: a first copy takes
    /// the `.data` extents alone, a comparison takes both.
    ///
    /// A page may end before `range` does; ask again from `page.end`. `page.end` is always beyond `range.lowerBound`.
    func changedExtents(in range: Range<UInt64>, bitmapContext: String?) async throws -> ChangedExtentPage

    /// Reads `ranges` (inside the disk, rising, none empty) cut into chunks, and hands each chunk over where it lies.
    ///
    /// `deliver` is called once per chunk, one at a time, in rising order. Its bytes are valid until it returns. At
    /// most `options.requestsInFlight` requests and `options.bytesInFlight` bytes are under way: while `deliver` does
    /// not return no further ones are asked for, so a slow consumer slows the reading and nothing piles up.
    ///
    /// An error thrown by `deliver` ends the read and is thrown on.
    func read(
        _ ranges: [Range<UInt64>],
        options: ReadOptions,
        deliver: (_ offset: UInt64, _ bytes: UnsafeRawBufferPointer) async throws -> Void
    ) async throws

    /// Ends connections and threads. Safe to repeat. Whatever is in flight fails with `.closed`.
    func close() async
}

extension BlockReader {
    /// Every extent of `range`, page by page, for callers that need no list of all of them.
    package func forEachChangedExtent(
        in range: Range<UInt64>, bitmapContext: String?, _ body: (ChangedExtent) async throws -> Void
    ) async throws {
        var next = range.lowerBound
        while next < range.upperBound {
            let page = try await changedExtents(in: next..<range.upperBound, bitmapContext: bitmapContext)
            for extent in page.extents { try await body(extent) }
            precondition(page.end > next, "a page of extents must move on")
            next = page.end
        }
    }
}
