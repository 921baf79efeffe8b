internal import CLZ4
internal import CZstd

/// Packs payloads, each by itself. It keeps the libraries' working memory, because making it anew costs more than
/// packing a small payload. Used by one thread at a time: unchecked, because that is plain memory that may move between
/// threads, and this value cannot be copied.
package struct Compressor: ~Copyable, @unchecked Sendable {
    /// What packing gave. With `.none` nothing was written: use the input.
    package struct Outcome: Equatable, Sendable {
        package var codec: CompressionCodec
        package var byteCount: Int
    }

    private let zstd: OpaquePointer
    private let lz4: UnsafeMutableRawPointer

    package init() {
        guard let zstd = ZSTD_createCCtx() else { preconditionFailure("out of memory") }
        self.zstd = zstd
        lz4 = .allocate(byteCount: Int(LZ4_sizeofState()), alignment: 16)
    }

    deinit {
        ZSTD_freeCCtx(zstd)
        lz4.deallocate()
    }

    /// Packs `input` into `output`, which has at least as much room, if that saves a sixteenth or more.
    package mutating func pack(
        _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer, preference: CompressionPreference
    ) -> Outcome {
        precondition(output.count >= input.count && input.count <= Int(Int32.max))
        let unpacked = Outcome(codec: .none, byteCount: input.count)
        let room = input.count - input.count / 16
        let codec = choose(for: input, preference: preference)
        let packed =
            switch codec {
            case .none: 0
            case .lz4: packLZ4(input, into: output.baseAddress, room: room)
            case .zstd: packZstd(input, into: output.baseAddress, room: room)
            }
        return packed == 0 ? unpacked : Outcome(codec: codec, byteCount: packed)
    }

    // MARK: Choice

    /// Three samples of this size are tried. Because random data must cost almost nothing: 6 KiB of LZ4 takes a few
    /// microseconds, sealing 256 KiB takes fifty.
    private static let sampleBytes = 2 << 10
    private static let samples = 3

    private func choose(for input: UnsafeRawBufferPointer, preference: CompressionPreference) -> CompressionCodec {
        guard preference != .none, input.count > 64 else { return .none }
        let share = sampledShare(of: input)
        guard share < 0.95 else { return .none }
        switch preference {
        case .none: return .none
        case .lz4: return .lz4
        case .zstd: return .zstd
        // Where LZ4 leaves a sixth or less, zstd can save little more, and takes longer on both sides.
        case .automatic: return share < 0.17 ? .lz4 : .zstd
        }
    }

    /// Packed size over plain size, by LZ4, of samples spread over the input.
    private func sampledShare(of input: UnsafeRawBufferPointer) -> Double {
        let size = min(Self.sampleBytes, input.count)
        let stride = (input.count - size) / max(1, Self.samples - 1)
        let room = Int(LZ4_compressBound(Int32(size)))
        return withUnsafeTemporaryAllocation(byteCount: room, alignment: 16) { scratch in
            var packed = 0
            var plain = 0
            for sample in 0..<(input.count > 4 * size ? Self.samples : 1) {
                let piece = UnsafeRawBufferPointer(rebasing: input[(sample * stride)..<(sample * stride + size)])
                packed += packLZ4(piece, into: scratch.baseAddress, room: room)
                plain += size
            }
            return Double(packed) / Double(plain)
        }
    }

    // MARK: Codecs

    /// 0: does not fit.
    private func packLZ4(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawPointer?, room: Int) -> Int {
        Int(
            LZ4_compress_fast_extState(
                lz4, input.bindMemory(to: CChar.self).baseAddress, output?.assumingMemoryBound(to: CChar.self),
                Int32(input.count), Int32(room), 1))
    }

    /// Level 1, because a worker packs for a network of several hundred MB/s; 0: does not fit.
    private func packZstd(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawPointer?, room: Int) -> Int {
        let count = ZSTD_compressCCtx(zstd, output, room, input.baseAddress, input.count, 1)
        return ZSTD_isError(count) == 0 ? count : 0
    }
}
