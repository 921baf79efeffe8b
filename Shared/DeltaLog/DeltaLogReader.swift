package import Sealing

/// Reads one complete delta log. Safe to use from several threads.
package final class DeltaLogReader: Sendable {
    /// How much of the index opening a log reads.
    package enum IndexUse: Sendable {
        /// Header and trailer alone: enough to list points.
        case unread
        /// Read and checked, not kept.
        case checked
        /// Read, checked and kept: 32 bytes per extent.
        case kept
    }

    package let path: String
    package let header: DeltaLogHeader
    package let summary: DeltaLogSummary
    /// Sorted by disk and offset, without overlaps. Empty unless the index was `.kept`.
    package let extents: [DeltaLogExtent]

    /// Opens a committed log after checking header, trailer and, unless `.unread`, the whole index.
    package init(path: String, replicaKey: SealingKey, index: IndexUse = .kept) throws {
        fatalError("not built yet")
    }

    /// Reads and opens the guest's definition and UEFI variables.
    package func guest() throws -> GuestConfiguration {
        fatalError("not built yet")
    }

    /// Runs through the index in order with bounded memory, checking it. Works however the log was opened.
    package func forEachExtent(_ body: (DeltaLogExtent) throws -> Void) throws {
        fatalError("not built yet")
    }

    /// Fills `destination` with the extent's bytes from `start` (bytes into the extent) on. Zero extents fill with
    /// zeros without reading the file. The record's seal is opened whole, and the last few are kept.
    package func read(
        _ extent: DeltaLogExtent, from start: UInt64 = 0, into destination: UnsafeMutableRawBufferPointer
    ) throws {
        fatalError("not built yet")
    }

    /// Checks every seal, every payload and the whole index, with bounded memory; zero records too.
    /// - Parameter progress: called with bytes of the file checked since the last call; throwing from it stops.
    package func verify(progress: (UInt64) throws -> Void = { _ in }) throws {
        fatalError("not built yet")
    }
}
