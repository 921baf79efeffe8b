/// Where a reader's bytes come from: a file, or memory where the decoder itself is under test.
protocol LogSource: Sendable {
    func byteCount() throws -> UInt64
    /// Says that these bytes will be read soon. A hint, so nothing depends on it.
    func prepare(at position: UInt64, count: Int)
    /// Fills `buffer` or throws.
    func read(at position: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws
}

extension LogFile: LogSource {}

extension LogSource {
    /// The caller has bounded `count`.
    func bytes(at position: UInt64, count: Int) throws -> [UInt8] {
        try [UInt8](unsafeUninitializedCapacity: count) { memory, filled in
            try read(at: position, into: .init(rebasing: UnsafeMutableRawBufferPointer(memory)[..<count]))
            filled = count
        }
    }
}
