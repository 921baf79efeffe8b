extension DeltaLogExtent {
    static let byteCount = DeltaLogLimits.indexBytesPerExtent

    func encode(into bytes: UnsafeMutableRawBufferPointer) {
        precondition(bytes.count == Self.byteCount)
        bytes.store(offset, at: 0)
        bytes.store(position, at: 8)
        bytes.store(lengthSectors, at: 16)
        bytes.store(skipSectors, at: 20)
        bytes.store(payloadBytes, at: 24)
        bytes.store(keySlot, at: 28)
        bytes.store(disk, at: 30)
    }

    /// Reads a piece of the index.
    static func decodeAll(_ bytes: RawSpan) -> [DeltaLogExtent] {
        let count = bytes.byteCount / byteCount
        return [DeltaLogExtent](unsafeUninitializedCapacity: count) { extents, initialized in
            for index in 0..<count { extents.initializeElement(at: index, to: decode(bytes, at: index * byteCount)) }
            initialized = count
        }
    }

    /// Reads one extent; `IndexChecker` says whether it makes sense.
    static func decode(_ bytes: RawSpan, at start: Int) -> DeltaLogExtent {
        DeltaLogExtent(
            disk: bytes.integer(at: start + 30), offset: bytes.integer(at: start),
            lengthSectors: bytes.integer(at: start + 16), skipSectors: bytes.integer(at: start + 20),
            position: bytes.integer(at: start + 8), payloadBytes: bytes.integer(at: start + 24),
            keySlot: bytes.integer(at: start + 28))
    }
}
