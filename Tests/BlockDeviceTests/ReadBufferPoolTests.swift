import Testing

@testable import BlockDevice

@Suite("Buffers that are used again")
struct ReadBufferPoolTests {
    private let pool = ReadBufferPool()

    @Test("A buffer comes back for any length of its size", arguments: [1, 4_096, 65_536])
    func reused(byteCount: Int) {
        let first = pool.take(byteCount: 65_536)
        pool.giveBack(first)
        #expect(pool.take(byteCount: byteCount) === first)
    }

    @Test("A buffer is never shorter than was asked for", arguments: [1, 65_536, 65_537, 1 << 20])
    func longEnough(byteCount: Int) {
        #expect(pool.take(byteCount: byteCount).bytes.count >= byteCount)
    }

    @Test("A buffer of another size takes the place of free ones")
    func replaces() {
        pool.giveBack(pool.take(byteCount: 1 << 20))
        #expect(pool.freeBytes == 1 << 20)
        let small = pool.take(byteCount: 65_536)
        #expect(pool.freeBytes == 0)
        pool.giveBack(small)
        #expect(pool.freeBytes == 65_536)
    }

    @Test("What is kept stays within its bound")
    func bounded() {
        let buffers = (0..<2 * BlockDeviceLimits.freeBufferBytes / (1 << 20)).map { _ in pool.take(byteCount: 1 << 20) }
        for buffer in buffers { pool.giveBack(buffer) }
        #expect(pool.freeBytes == BlockDeviceLimits.freeBufferBytes)
    }
}
