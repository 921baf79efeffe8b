package import Sealing

/// Makes one log of several that follow each other. The newest record of every range wins; records are copied sealed
/// as they came, and their keys' salts with them. Every copied record's seal is checked on the way.
///
/// Memory: 80 bytes per extent of all logs.
package enum DeltaLogMerger {
    /// Writes the merged log to `path` (which must not exist) and syncs it; publishing it is the caller's.
    /// On any failure the file is removed.
    ///
    /// - Parameter logs: 1 to 512 paths, oldest first; each one's parent must be the one before.
    /// - Throws: `.notConsecutive`, also where disks were removed, reordered or shrunk in between; `.limitExceeded` when
    ///   the cycles with live records exceed the key table (65,535).
    package static func merge(logs: [String], into path: String, replicaKey: SealingKey) throws -> DeltaLogSummary {
        let sources = try MergeSources(logs: logs, replicaKey: replicaKey)
        let layered = try sources.extents()
        let keys = try MergedKeys(layered, sources: sources)
        let target = try LogAssembler(
            path: path, header: sources.header, guest: try sources.guest(), keyTable: keys.table,
            replicaKey: replicaKey)
        do {
            var copier = RecordCopier(sources: sources, target: target)
            var extents: [DeltaLogExtent] = []
            extents.reserveCapacity(layered.count)
            var readAhead = ReadAhead()
            for (index, item) in layered.enumerated() {
                readAhead.step(to: index, of: layered.count, extent: { layered[$0].extent }) {
                    sources.readers[Int(layered[$0].log)].prepareToRead($1)
                }
                var extent = item.extent
                extent.position = try copier.position(of: item)
                extent.keySlot = keys.slot(of: item)
                extents.append(extent)
            }
            return try target.complete(extents: extents, records: copier.records)
        } catch {
            target.discard()
            throw error
        }
    }
}
