import Glibc

/// Cuts what was read into runs of data and runs of zeros, one after another; together they cover the buffer.
///
/// Zeros count in whole pieces of `granularity` bytes; the last piece may be shorter.
struct ZeroRuns {
    /// A piece of a buffer: its place in the buffer, and whether every byte of it is zero.
    struct Run: Sendable, Equatable {
        var offset: Int
        var length: Int
        var isZero: Bool
    }

    private let bytes: UnsafeRawBufferPointer
    private let granularity: Int
    private var position = 0
    /// What is known of the piece at `position`, because the end of one run is found by looking at the next.
    private var looked: Bool?

    /// - Parameter bytes: must outlive this value.
    init(_ bytes: UnsafeRawBufferPointer, granularity: Int) {
        precondition(granularity > 0, "a piece has bytes")
        self.bytes = bytes
        self.granularity = granularity
    }

    mutating func next() -> Run? {
        guard position < bytes.count else { return nil }
        let start = position
        let zero = looked ?? pieceIsZero()
        looked = nil
        position = min(bytes.count, position + granularity)
        while position < bytes.count {
            let following = pieceIsZero()
            guard following == zero else {
                looked = following
                break
            }
            position = min(bytes.count, position + granularity)
        }
        return Run(offset: start, length: position - start, isZero: zero)
    }

    private func pieceIsZero() -> Bool {
        let end = min(bytes.count, position + granularity)
        return Self.isZero(UnsafeRawBufferPointer(rebasing: bytes[position..<end]))
    }

    /// Whether every byte is zero. memcmp of a buffer with itself, shifted by 16 bytes, runs at the speed of memory,
    /// and stops at the first byte of ordinary data.
    static func isZero(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let base = bytes.baseAddress else { return true }
        for index in 0..<min(16, bytes.count) where bytes[index] != 0 { return false }
        return bytes.count <= 16 || memcmp(base, base + 16, bytes.count - 16) == 0
    }
}
