// Every integer of the format has its most significant byte first. Lengths are checked before these are called, so
// that being out of bounds here is our own fault, and traps.

extension UnsafeMutableRawBufferPointer {
    func store<Integer: FixedWidthInteger & BitwiseCopyable>(_ value: Integer, at offset: Int) {
        precondition(offset >= 0 && offset + MemoryLayout<Integer>.size <= count)
        storeBytes(of: value.bigEndian, toByteOffset: offset, as: Integer.self)
    }

    func store(_ bytes: [UInt8], at offset: Int) {
        precondition(offset >= 0 && offset + bytes.count <= count)
        guard !bytes.isEmpty else { return }
        bytes.withUnsafeBytes { self[offset..<offset + bytes.count].copyBytes(from: $0) }
    }

    func clear() {
        guard let baseAddress else { return }
        baseAddress.initializeMemory(as: UInt8.self, repeating: 0, count: count)
    }
}
