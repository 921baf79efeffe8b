import FoundationEssentials
import Testing

@testable import Sealing

@Suite struct SealingKeyTests {
    private let protection = UUID(uuid: (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16))

    @Test func aKeyNeverPrintsItself() throws {
        let key = try SealingKey(bytes: Array("0123456789abcdef0123456789abcdef".utf8))
        var dumped = ""
        dump(key, to: &dumped)
        for text in ["\(key)", String(reflecting: key), dumped, "\([key])"] {
            #expect(!text.contains("0123") && text.contains("redacted"), "\(text)")
        }
    }

    @Test(arguments: [0, 16, 31, 33]) func aKeyHas32Bytes(count: Int) {
        #expect(throws: SealingError.self) { try SealingKey(bytes: [UInt8](repeating: 1, count: count)) }
    }

    @Test func keysCompareByTheirBytes() throws {
        let bytes = [UInt8](0..<32)
        #expect(try SealingKey(bytes: bytes) == SealingKey(bytes: bytes))
        #expect(try SealingKey.random() != SealingKey.random())
    }

    /// RFC 5869, A.1, as far as a 256-bit output goes.
    @Test func aPublishedDerivationIsReproduced() throws {
        let input = [UInt8](repeating: 0x0b, count: 22)
        var output = [UInt8](repeating: 0, count: 32)
        try input.withUnsafeBytes { key in
            try output.withUnsafeMutableBytes {
                try SealingKey.extractAndExpand(
                    key: key, salt: Array(0...12), info: Array(0xf0...0xf9), into: $0)
            }
        }
        #expect(output == Hexadecimal.bytes("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"))
    }

    @Test func everyInputOfADerivationMatters() throws {
        let replicaKey = try SealingKey.random()
        let salt = [UInt8](repeating: 5, count: SealingKey.saltByteCount)
        let key = try SealingKey.derive(from: replicaKey, for: .records, protection: protection, cycle: 1, salt: salt)
        let again = try SealingKey.deriveCycleKey(
            replicaKey: replicaKey, protection: protection, cycle: 1, salt: salt)
        #expect(key == again)
        let others = [
            try SealingKey.derive(from: .random(), for: .records, protection: protection, cycle: 1, salt: salt),
            try SealingKey.derive(from: replicaKey, for: .metadata, protection: protection, cycle: 1, salt: salt),
            try SealingKey.derive(from: replicaKey, for: .records, protection: UUID(), cycle: 1, salt: salt),
            try SealingKey.derive(from: replicaKey, for: .records, protection: protection, cycle: 2, salt: salt),
            try SealingKey.derive(
                from: replicaKey, for: .records, protection: protection, cycle: 1, salt: salt.dropLast() + [6]),
        ]
        for other in others { #expect(other != key) }
    }

    @Test func aSaltHas32Bytes() throws {
        let replicaKey = try SealingKey.random()
        #expect(throws: SealingError.self) {
            try SealingKey.deriveCycleKey(replicaKey: replicaKey, protection: protection, cycle: 1, salt: [1, 2])
        }
    }
}
