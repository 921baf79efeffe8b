extension [UInt8] {
    mutating func appendBigEndian<Value: FixedWidthInteger & UnsignedInteger>(_ value: Value) {
        for shift in stride(from: Value.bitWidth - 8, through: 0, by: -8) {
            append(UInt8(truncatingIfNeeded: value >> Value(shift)))
        }
    }

    /// The caller has checked the length.
    func bigEndian<Value: FixedWidthInteger & UnsignedInteger>(at offset: Int, as type: Value.Type) -> Value {
        precondition(offset >= 0 && offset + Value.bitWidth / 8 <= count, "a number was read beyond the end")
        var value: Value = 0
        for index in 0..<Value.bitWidth / 8 { value = value << 8 | Value(self[offset + index]) }
        return value
    }
}
