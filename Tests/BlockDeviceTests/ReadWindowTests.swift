import Testing

@testable import BlockDevice

@Suite("How much of a read is under way")
struct ReadWindowTests {
    private let options = ReadOptions(chunkBytes: 1 << 20, requestsInFlight: 32, bytesInFlight: 4 << 20)

    @Test("Large requests are bounded by their bytes")
    func bytesBound() {
        var window = ReadWindow(options)
        for _ in 0..<4 { window.began(1 << 20) }
        #expect(!window.admits(512))
        window.ended(1 << 20)
        #expect(window.admits(1 << 20))
        #expect(!window.admits((1 << 20) + 512))
    }

    @Test("Small requests are bounded by their number")
    func requestsBound() {
        var window = ReadWindow(options)
        for _ in 0..<32 { window.began(65_536) }
        #expect(window.bytes == 2 << 20)
        #expect(!window.admits(512))
        window.ended(65_536)
        #expect(window.admits(65_536))
    }

    @Test("One request is always let through, so that a read cannot stand still")
    func oneAlways() {
        let window = ReadWindow(ReadOptions(chunkBytes: 4_096, requestsInFlight: 1, bytesInFlight: 4_096))
        #expect(window.admits(1 << 20))
    }
}
