internal import Sealing

/// Copies records, sealed as they are, from the logs of a merge to the merged one: each once, however many extents it
/// has been cut into.
struct RecordCopier {
    private struct Source: Hashable {
        var log: UInt16
        var position: UInt64
    }

    private struct Copy {
        var position: UInt64
        var disk: UInt16
        var end: UInt64
    }

    private let sources: MergeSources
    private let target: LogAssembler
    private let bench = RecordWorkbench()
    /// Copied records of which more extents may come. A range lies in at most one record of each cycle, so that after
    /// pruning at most as many are left as there are key slots.
    private var copies: [Source: Copy] = [:]
    private var pruneAt = 4_096
    private(set) var records: UInt64 = 0

    init(sources: MergeSources, target: LogAssembler) {
        self.sources = sources
        self.target = target
    }

    /// Where the extent's record stands in the merged log. Extents come in order.
    mutating func position(of item: LayeredExtent) throws -> UInt64 {
        let source = Source(log: item.log, position: item.extent.position)
        if let copy = copies[source] { return copy.position }
        let reader = sources.readers[Int(item.log)]
        let (position, header) = try DeltaLogReader.blaming(reader.path) {
            let record = try bench.fetchSealed(item.extent, from: reader.log.source) {
                try reader.recordKey(item.extent.keySlot)
            }
            return (try target.append(record), try DeltaLogRecordHeader.decodeFormat(record.bytes))
        }
        records += 1
        let end = header.offset + header.length
        if end > item.extent.end {
            prune(before: item.extent)
            copies[source] = Copy(position: position, disk: header.disk, end: end)
        }
        return position
    }

    private mutating func prune(before extent: DeltaLogExtent) {
        guard copies.count >= pruneAt else { return }
        copies = copies.filter { $0.value.disk == extent.disk && $0.value.end > extent.offset }
        pruneAt = max(4_096, copies.count * 2)
    }
}
