/// Header, payload and tag of a record in one piece of memory.
struct RecordParts<Bytes> {
    let header: Bytes
    let payload: Bytes
    let tag: Bytes
}

extension RecordParts where Bytes == UnsafeMutableRawBufferPointer {
    init(_ record: UnsafeMutableRawBufferPointer, payloadBytes: Int) {
        let tagStart = DeltaLogRecordHeader.byteCount + payloadBytes
        precondition(record.count >= tagStart + DeltaLogRecordHeader.tagByteCount)
        header = .init(rebasing: record[..<DeltaLogRecordHeader.byteCount])
        payload = .init(rebasing: record[DeltaLogRecordHeader.byteCount..<tagStart])
        tag = .init(rebasing: record[tagStart..<tagStart + DeltaLogRecordHeader.tagByteCount])
    }
}

extension RecordParts where Bytes == UnsafeRawBufferPointer {
    init(_ record: UnsafeRawBufferPointer, payloadBytes: Int) {
        let tagStart = DeltaLogRecordHeader.byteCount + payloadBytes
        precondition(record.count >= tagStart + DeltaLogRecordHeader.tagByteCount)
        header = .init(rebasing: record[..<DeltaLogRecordHeader.byteCount])
        payload = .init(rebasing: record[DeltaLogRecordHeader.byteCount..<tagStart])
        tag = .init(rebasing: record[tagStart..<tagStart + DeltaLogRecordHeader.tagByteCount])
    }
}
