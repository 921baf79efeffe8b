import Testing

@testable import Sealing

@Suite struct SealCipherTests {
    private let nonce = SealNonce(attempt: 3, sequence: 9)

    private func seal(
        _ plain: [UInt8], header: [UInt8], key: SealingKey, nonce: SealNonce
    ) throws -> (sealed: [UInt8], tag: [UInt8]) {
        var cipher = try SealCipher(key: key)
        var sealed = [UInt8](repeating: 0, count: plain.count)
        var tag = [UInt8](repeating: 0, count: SealCipher.tagByteCount)
        try plain.withUnsafeBytes { input in
            try sealed.withUnsafeMutableBytes { output in
                try tag.withUnsafeMutableBytes { tag in
                    try header.withUnsafeBytes {
                        try cipher.seal(input, into: output, tag: tag, authenticating: $0, nonce: nonce)
                    }
                }
            }
        }
        return (sealed, tag)
    }

    private func open(
        _ sealed: [UInt8], tag: [UInt8], header: [UInt8], key: SealingKey, nonce: SealNonce
    ) throws -> [UInt8] {
        var cipher = try SealCipher(key: key)
        var plain = sealed
        try plain.withUnsafeMutableBytes { memory in
            try tag.withUnsafeBytes { tag in
                try header.withUnsafeBytes {
                    try cipher.open(
                        UnsafeRawBufferPointer(memory), into: memory, tag: tag, authenticating: $0, nonce: nonce)
                }
            }
        }
        return plain
    }

    /// McGrew and Viega, "The Galois/Counter Mode of Operation", test case 16 (AES-256, additional data).
    @Test func aPublishedVectorIsReproduced() throws {
        let key = try SealingKey(
            bytes: Hexadecimal.bytes("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"))
        let published = SealNonce(attempt: 0xcafe_babe, sequence: 0xface_dbad_deca_f888)
        let plain = Hexadecimal.bytes(
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
        )
        let header = Hexadecimal.bytes("feedfacedeadbeeffeedfacedeadbeefabaddad2")
        let (sealed, tag) = try seal(plain, header: header, key: key, nonce: published)
        #expect(
            sealed
                == Hexadecimal.bytes(
                    "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
                ))
        #expect(tag == Hexadecimal.bytes("76fc6ece0f4e1768cddf8853bb2d551b"))
        #expect(try open(sealed, tag: tag, header: header, key: key, nonce: published) == plain)
    }

    @Test(arguments: [0, 1, 15, 16, 17, 4096, 40_000])
    func whatIsSealedOpensAndVerifies(count: Int) throws {
        let key = try SealingKey.random()
        let plain = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let (sealed, tag) = try seal(plain, header: [1, 2, 3], key: key, nonce: nonce)
        #expect(try open(sealed, tag: tag, header: [1, 2, 3], key: key, nonce: nonce) == plain)
        var cipher = try SealCipher(key: key)
        for _ in 0..<2 {
            try sealed.withUnsafeBytes { sealed in
                try tag.withUnsafeBytes { tag in
                    try [UInt8]([1, 2, 3]).withUnsafeBytes {
                        try cipher.verify(sealed, tag: tag, authenticating: $0, nonce: nonce)
                    }
                }
            }
        }
    }

    @Test func nothingOpensThatWasAltered() throws {
        let key = try SealingKey.random()
        let plain: [UInt8] = .init(repeating: 7, count: 100)
        let (sealed, tag) = try seal(plain, header: [1], key: key, nonce: nonce)
        var altered = sealed
        altered[50] ^= 1
        var alteredTag = tag
        alteredTag[15] ^= 0x80
        func expectRefusal(_ body: () throws -> [UInt8]) {
            #expect { _ = try body() } throws: { ($0 as? SealingError)?.code == .authentication }
        }
        expectRefusal { try open(altered, tag: tag, header: [1], key: key, nonce: nonce) }
        expectRefusal { try open(sealed, tag: alteredTag, header: [1], key: key, nonce: nonce) }
        expectRefusal { try open(sealed, tag: tag, header: [2], key: key, nonce: nonce) }
        expectRefusal { try open(sealed, tag: tag, header: [1], key: try .random(), nonce: nonce) }
        let others = [SealNonce(attempt: 3, sequence: 10), SealNonce(attempt: 4, sequence: 9)]
        for other in others {
            expectRefusal { try open(sealed, tag: tag, header: [1], key: key, nonce: other) }
        }
    }

    @Test func aFailedOpeningLeavesNoPlainBytes() throws {
        let key = try SealingKey.random()
        let (sealed, tag) = try seal(.init(repeating: 0x55, count: 64), header: [], key: key, nonce: nonce)
        var cipher = try SealCipher(key: key)
        var output = [UInt8](repeating: 9, count: 64)
        _ = sealed.withUnsafeBytes { sealed in
            tag.withUnsafeBytes { tag in
                output.withUnsafeMutableBytes { output in
                    [UInt8]([1]).withUnsafeBytes { header in
                        #expect(throws: SealingError.self) {
                            try cipher.open(sealed, into: output, tag: tag, authenticating: header, nonce: nonce)
                        }
                    }
                }
            }
        }
        #expect(output == [UInt8](repeating: 0, count: 64))
    }

    @Test func aNonceIsAttemptThenSequenceMostSignificantFirst() {
        let bytes = SealNonce(attempt: 0x0102_0304, sequence: 0x0506_0708_090A_0B0C).withBytes { pointer in
            (0..<SealNonce.byteCount).map { pointer[$0] }
        }
        #expect(bytes == Array(1...12))
    }
}
