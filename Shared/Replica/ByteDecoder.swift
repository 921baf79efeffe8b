internal import FoundationEssentials

/// Takes big-endian fields, checking every length before it is used.
struct ByteDecoder {
    private var rest: ArraySlice<UInt8>
    private let fault: (String) -> ReplicaError

    /// - Parameter fault: makes the error to throw from a reason.
    init(_ bytes: ArraySlice<UInt8>, fault: @escaping (String) -> ReplicaError) {
        rest = bytes
        self.fault = fault
    }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func take(_ count: Int) throws -> ArraySlice<UInt8> {
        guard count <= rest.count else { throw fault("a field goes beyond the end") }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }

    mutating func integer<Value: FixedWidthInteger>() throws -> Value {
        try take(MemoryLayout<Value>.size).reduce(0) { $0 << 8 | Value(truncatingIfNeeded: $1) }
    }

    mutating func uuid() throws -> UUID {
        let bytes = try take(16)
        var value: uuid_t = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
        withUnsafeMutableBytes(of: &value) { $0.copyBytes(from: bytes) }
        return UUID(uuid: value)
    }

    mutating func blob(limit: Int) throws -> [UInt8] {
        let count: UInt32 = try integer()
        guard Int(count) <= limit else { throw fault("a field is longer than allowed") }
        return Array(try take(Int(count)))
    }

    mutating func text(limit: Int) throws -> String {
        guard let text = String(validating: try blob(limit: limit), as: UTF8.self) else {
            throw fault("a text is not UTF-8")
        }
        return text
    }
}
