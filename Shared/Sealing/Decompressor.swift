internal import CLZ4
internal import CZstd

/// Unpacks payloads. It never allocates by what the packed bytes say: the output's size is known beforehand.
/// Unchecked, because it is plain memory that may move between threads, and this value cannot be copied.
package struct Decompressor: ~Copyable, @unchecked Sendable {
    private let zstd: OpaquePointer

    package init() {
        guard let zstd = ZSTD_createDCtx() else { preconditionFailure("out of memory") }
        self.zstd = zstd
    }

    deinit {
        ZSTD_freeDCtx(zstd)
    }

    /// Fills `output` exactly.
    /// - Throws: `SealingError.unpacking` for packed bytes that are malformed or give fewer or more bytes.
    package mutating func unpack(
        _ input: UnsafeRawBufferPointer, codec: CompressionCodec, into output: UnsafeMutableRawBufferPointer
    ) throws {
        let count: Int
        switch codec {
        case .none:
            if input.count == output.count { output.copyMemory(from: input) }
            count = input.count
        case .lz4:
            precondition(input.count <= Int(Int32.max) && output.count <= Int(Int32.max))
            count = Int(
                LZ4_decompress_safe(
                    input.bindMemory(to: CChar.self).baseAddress, output.bindMemory(to: CChar.self).baseAddress,
                    Int32(input.count), Int32(output.count)))
        case .zstd:
            let result = ZSTD_decompressDCtx(zstd, output.baseAddress, output.count, input.baseAddress, input.count)
            if ZSTD_isError(result) != 0 {
                throw SealingError(
                    .unpacking, "zstd refuses the packed bytes", cause: String(cString: ZSTD_getErrorName(result)))
            }
            count = result
        }
        guard count == output.count else {
            throw SealingError(.unpacking, "packed bytes do not give the \(output.count) bytes they should (\(codec))")
        }
    }
}
