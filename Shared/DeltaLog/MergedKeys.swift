/// The key table of a merged log: the slots of its sources that still have records, and where each has gone.
struct MergedKeys {
    private(set) var table = KeyTable()
    /// Per log: old slot to new.
    private var slots: [[UInt16: UInt16]]

    init(_ extents: [LayeredExtent], sources: MergeSources) throws {
        var used = [Set<UInt16>](repeating: [], count: sources.readers.count)
        for item in extents { used[Int(item.log)].insert(item.extent.keySlot) }
        let count = used.reduce(0) { $0 + $1.count }
        guard count <= DeltaLogLimits.keySlots else {
            throw DeltaLogError(
                .limitExceeded, "the logs hold records of more cycles than one log can",
                remedy: "Merge fewer of them.", facts: ["cycles": "\(count)", "most": "\(DeltaLogLimits.keySlots)"])
        }
        slots = []
        // Sources and their tables rise, so the merged table does.
        for (reader, used) in zip(sources.readers, used) {
            var moved: [UInt16: UInt16] = [:]
            for slot in used.sorted() {
                let old = reader.log.fileHeader.keyTable
                moved[slot] = UInt16(table.count)
                table.append(cycle: old.cycle(Int(slot)), salt: old.salt(Int(slot)))
            }
            slots.append(moved)
        }
    }

    func slot(of item: LayeredExtent) -> UInt16 {
        guard let slot = slots[Int(item.log)][item.extent.keySlot] else {
            preconditionFailure("every slot in use was given a place")
        }
        return slot
    }
}
