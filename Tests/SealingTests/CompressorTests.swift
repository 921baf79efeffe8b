import Testing

@testable import Sealing

@Suite struct CompressorTests {
    private static func text(_ count: Int) -> [UInt8] {
        let words = Array("the bridge tips on its pivot, and back; ".utf8)
        return (0..<count).map { words[($0 * $0 / 97) % words.count] }
    }

    private static func random(_ count: Int) throws -> [UInt8] { try SecureRandom.bytes(count) }

    private func pack(
        _ plain: [UInt8], _ preference: CompressionPreference
    ) -> (outcome: Compressor.Outcome, packed: [UInt8]) {
        var compressor = Compressor()
        var packed = [UInt8](repeating: 0, count: plain.count)
        let outcome = plain.withUnsafeBytes { input in
            packed.withUnsafeMutableBytes { compressor.pack(input, into: $0, preference: preference) }
        }
        return (outcome, Array(packed[..<outcome.byteCount]))
    }

    private func unpack(_ packed: [UInt8], codec: CompressionCodec, count: Int) throws -> [UInt8] {
        var decompressor = Decompressor()
        var plain = [UInt8](repeating: 0, count: count)
        try packed.withUnsafeBytes { input in
            try plain.withUnsafeMutableBytes { try decompressor.unpack(input, codec: codec, into: $0) }
        }
        return plain
    }

    @Test(arguments: [512, 4096, 65_536, 262_144], [CompressionPreference.lz4, .zstd, .automatic])
    func whatShrinksIsPackedAndUnpacks(count: Int, preference: CompressionPreference) throws {
        let plain = [UInt8](repeating: 0x20, count: count / 2) + Self.text(count / 2)
        let (outcome, packed) = pack(plain, preference)
        #expect(outcome.codec != .none && outcome.byteCount < count)
        #expect(try unpack(packed, codec: outcome.codec, count: count) == plain)
    }

    @Test(arguments: [512, 65_536, 1 << 20], CompressionPreference.allCases)
    func randomDataStaysAsItIs(count: Int, preference: CompressionPreference) throws {
        let (outcome, _) = pack(try Self.random(count), preference)
        #expect(outcome == Compressor.Outcome(codec: .none, byteCount: count))
    }

    @Test func whatIsAskedForIsUsed() {
        let plain = [UInt8](repeating: 1, count: 8192)
        #expect(pack(plain, .none).outcome.codec == .none)
        #expect(pack(plain, .lz4).outcome.codec == .lz4)
        #expect(pack(plain, .zstd).outcome.codec == .zstd)
    }

    @Test func automaticTakesTheFastCodecWhereLittleIsLeftToSave() {
        #expect(pack([UInt8](repeating: 1, count: 65_536), .automatic).outcome.codec == .lz4)
        let digits = (0..<65_536).map {
            UInt8(ascii: "0") + UInt8(truncatingIfNeeded: ($0 &* 2_654_435_761) >> 13) % 10
        }
        #expect(pack(digits, .automatic).outcome.codec == .zstd)
    }

    @Test(arguments: [CompressionCodec.lz4, .zstd])
    func malformedPackedBytesAreRefused(codec: CompressionCodec) throws {
        let plain = [UInt8](repeating: 1, count: 4096)
        let (_, packed) = pack(plain, codec == .lz4 ? .lz4 : .zstd)
        let cases: [(bytes: [UInt8], count: Int)] = [
            (Array(packed.dropLast()), 4096), (packed, 4095), (packed, 4097), ([], 1),
            (.init(repeating: 0xFF, count: 64), 4096),
        ]
        for (bytes, count) in cases {
            #expect { _ = try unpack(bytes, codec: codec, count: count) } throws: {
                ($0 as? SealingError)?.code == .unpacking
            }
        }
    }

    @Test func unpackedBytesMustHaveTheStatedLength() throws {
        #expect(try unpack([1, 2, 3], codec: .none, count: 3) == [1, 2, 3])
        #expect(throws: SealingError.self) { try unpack([1, 2, 3], codec: .none, count: 4) }
    }
}
