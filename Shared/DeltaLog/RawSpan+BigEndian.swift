// Every integer of the format has its most significant byte first. Lengths are checked before these are called, so
// that being out of bounds here is our own fault, and traps.

extension RawSpan {
    func integer<Integer: FixedWidthInteger & BitwiseCopyable>(
        at offset: Int, as type: Integer.Type = Integer.self
    ) -> Integer {
        Integer(bigEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: type))
    }

    func bytes(at offset: Int, count: Int) -> [UInt8] {
        extracting(offset..<offset + count).withUnsafeBytes { Array($0) }
    }

    func isZero(at offset: Int, count: Int) -> Bool {
        extracting(offset..<offset + count).withUnsafeBytes { $0.allSatisfy { $0 == 0 } }
    }
}
