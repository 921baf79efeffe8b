package import Sealing

/// Makes one log of several that follow each other. The newest record of every range wins; records are copied sealed
/// as they came, and their keys' salts with them. Every copied record's seal is checked on the way.
///
/// Memory: 40 bytes per extent of the result and of the log being laid under it.
package enum DeltaLogMerger {
    /// Writes the merged log to `path` (which must not exist) and syncs it; publishing it is the caller's.
    /// On any failure the file is removed.
    ///
    /// - Parameter logs: paths, oldest first; each one's parent must be the one before.
    /// - Throws: `.notConsecutive`; `.limitExceeded` when the cycles with live records exceed the key table (65,535).
    package static func merge(logs: [String], into path: String, replicaKey: SealingKey) throws -> DeltaLogSummary {
        fatalError("not built yet")
    }
}
