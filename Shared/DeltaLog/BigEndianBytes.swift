// Every integer of the format has its most significant byte first. Lengths are checked before these are called, so
// that being out of bounds here is our own fault, and traps.

extension RawSpan {
    func integer<Integer: FixedWidthInteger & BitwiseCopyable>(at offset: Int, as type: Integer.Type = Integer.self) -> Integer {
        Integer(bigEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: type))
    }

    func bytes(at offset: Int, count: Int) -> [UInt8] {
        extracting(offset..<offset + count).withUnsafeBytes { Array($0) }
    }

    func isZero(at offset: Int, count: Int) -> Bool {
        extracting(offset..<offset + count).withUnsafeBytes { $0.allSatisfy { $0 == 0 } }
    }
}

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
