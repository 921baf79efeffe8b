@testable import DeltaLog

/// A log in memory, for trying thousands of altered ones.
struct MemorySource: LogSource {
    var bytes: [UInt8]

    func byteCount() throws -> UInt64 { UInt64(bytes.count) }

    func prepare(at position: UInt64, count: Int) {}

    func read(at position: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws {
        guard UInt64(buffer.count) <= UInt64(bytes.count), position <= UInt64(bytes.count - buffer.count) else {
            throw DeltaLogError(.incomplete, "the bytes end too early")
        }
        bytes.withUnsafeBytes {
            buffer.copyMemory(from: .init(rebasing: $0[Int(position)..<Int(position) + buffer.count]))
        }
    }
}
