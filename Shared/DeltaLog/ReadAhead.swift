/// Has records fetched into the page cache before they are read, in the order of the index: which is not the order of
/// the file, so that the system's own read-ahead does not see a sequence.
///
/// Invariant: `ahead` is the bytes announced and not yet passed; it exceeds the window by one record at most.
struct ReadAhead {
    private var next = 0
    private var ahead = 0

    /// To be called before each of `count` records is read.
    mutating func step(
        to index: Int, of count: Int, extent: (Int) -> DeltaLogExtent, announce: (Int, DeltaLogExtent) -> Void
    ) {
        if index < next { ahead -= extent(index).recordBytes } else { next = index + 1 }
        while next < count, ahead < DeltaLogLimits.readAheadBytes {
            let coming = extent(next)
            announce(next, coming)
            ahead += coming.recordBytes
            next += 1
        }
    }
}

extension DeltaLogExtent {
    /// Of its record, in the file.
    var recordBytes: Int { DeltaLogRecordHeader.byteCount + Int(payloadBytes) + DeltaLogRecordHeader.tagByteCount }
}
