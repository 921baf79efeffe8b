import Testing

@testable import Sealing

@Suite struct SHA256HasherTests {
    /// FIPS 180-2, B.1.
    @Test func aPublishedDigestIsReproduced() {
        let digest = SHA256Hasher.digest(of: Array("abc".utf8).span.bytes)
        #expect(digest == Hexadecimal.bytes("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"))
    }

    @Test func piecesGiveTheDigestOfTheWhole() {
        var hasher = SHA256Hasher()
        #expect(hasher.digest() == SHA256Hasher.digest(of: [UInt8]().span.bytes))
        hasher.update(Array("a".utf8).span.bytes)
        _ = hasher.digest()
        hasher.update(Array("bc".utf8).span.bytes)
        #expect(hasher.digest() == SHA256Hasher.digest(of: Array("abc".utf8).span.bytes))
    }
}
