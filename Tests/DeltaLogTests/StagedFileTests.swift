import Glibc
import Testing

@testable import DeltaLog

@Suite struct StagedFileTests {
    private let target = ScriptedTarget()
    private let block = [UInt8](repeating: 9, count: DeltaLogLimits.blockBytes)
    private let buffer = [UInt8](repeating: 1, count: DeltaLogLimits.stagingBufferBytes)

    private func append(_ bytes: [UInt8], to file: StagedFile) throws -> UInt64 {
        try bytes.withUnsafeBytes { try file.append($0) }
    }

    @Test func theLastBlockFollowsASyncAndIsFollowedByOne() throws {
        let file = StagedFile(file: target)
        #expect(try append([1, 2, 3], to: file) == 0)
        #expect(try append([4], to: file) == 3)
        try file.complete { append in
            let position = try [UInt8]([5]).withUnsafeBytes { try append($0) }
            #expect(position == 4)
            return block
        }
        #expect(
            target.steps == [
                .write(at: 0, [1, 2, 3, 4, 5] + [UInt8](repeating: 0, count: 4091)), .truncate(8192), .synchronize,
                .write(at: 4096, block), .synchronize,
            ])
        expectCode(.closed) { try append([1], to: file) }
    }

    @Test func manyBuffersArriveInPlace() throws {
        let file = StagedFile(file: target)
        var expected: [UInt8] = []
        for index in 0..<12 {
            let piece = [UInt8](repeating: UInt8(index), count: 777_777)
            #expect(try append(piece, to: file) == UInt64(expected.count))
            expected += piece
        }
        try file.complete { _ in block }
        #expect(target.bytes.count % 4096 == 0)
        #expect(Array(target.bytes[..<expected.count]) == expected)
        #expect(Array(target.bytes.suffix(4096)) == block)
    }

    /// The filler must wait when as many buffers as a log may have are being written, and go on afterwards.
    @Test func appendingWaitsWhileAllBuffersAreWritten() throws {
        target.hold()
        defer { target.letGo() }
        let file = StagedFile(file: target, budget: StagingBudget(buffers: 100, kept: 0))
        let buffers = DeltaLogLimits.stagingBuffersPerLog
        for _ in 0..<buffers { _ = try append(buffer, to: file) }
        target.waitForHeldWrites(buffers)
        #expect(file.byteCount == UInt64(buffers * buffer.count))
        let filler = try TestThread { _ = try append(buffer, to: file) }
        try waitUntil { file.isAppendWaiting }
        #expect(!filler.hasEnded)
        target.letGo()
        try filler.end()
        try file.complete { _ in block }
        #expect(target.bytes.count == (buffers + 1) * buffer.count + 4096)
    }

    /// A log that gets no buffer beyond its first still goes on.
    @Test func oneBufferIsEnough() throws {
        let budget = StagingBudget(buffers: 0, kept: 0)
        let file = StagedFile(file: target, budget: budget)
        for _ in 0..<5 { _ = try append(buffer, to: file) }
        try file.complete { _ in block }
        #expect(target.bytes.count == 5 * buffer.count + 4096)
    }

    @Test func everyCallTellsTheFirstFailure() throws {
        target.failWrites(from: UInt64(buffer.count))
        let file = StagedFile(file: target)
        _ = try append(buffer, to: file)
        expectCode(.noSpace) {
            for _ in 0..<100 { _ = try append(buffer, to: file) }
        }
        expectCode(.noSpace) { try append(buffer, to: file) }
        expectCode(.noSpace) { try file.complete { _ in block } }
        file.discard()
        #expect(!target.steps.contains(.synchronize))
    }

    @Test func aFailedSyncFailsTheCommit() throws {
        target.failSynchronizing()
        let file = StagedFile(file: target)
        _ = try append([1], to: file)
        expectCode(.inputOutput) { try file.complete { _ in block } }
        #expect(target.bytes.suffix(4096).allSatisfy { $0 == 0 })
        file.discard()
    }

    @Test func discardingWakesWhoWaits() throws {
        target.hold()
        defer { target.letGo() }
        let file = StagedFile(file: target, budget: StagingBudget(buffers: 100, kept: 0))
        let buffers = DeltaLogLimits.stagingBuffersPerLog
        for _ in 0..<buffers { _ = try append(buffer, to: file) }
        target.waitForHeldWrites(buffers)
        let filler = try TestThread { _ = try append(buffer, to: file) }
        // A discard that comes before the append would hold the log until the writes have ended, and the append with it.
        try waitUntil { file.isAppendWaiting }
        let discarder = try TestThread { file.discard() }
        // No write has ended, so nothing but the discard can wake the filler.
        try waitUntil { filler.hasEnded }
        expectCode(.closed) { try filler.end() }
        target.letGo()
        try discarder.end()
        file.discard()
    }

    /// Waits for another thread. Throws after a time that no machine needs, so that the test fails instead of hanging.
    private func waitUntil(_ isSo: () -> Bool, line: Int = #line) throws {
        let limit = ContinuousClock.now + .seconds(30)
        while !isSo() {
            guard ContinuousClock.now < limit else {
                throw TestThread.Mismatch("what line \(line) waits for did not happen within 30 s")
            }
            usleep(1000)  // because nothing tells a test that a thread has begun to wait
        }
    }
}
