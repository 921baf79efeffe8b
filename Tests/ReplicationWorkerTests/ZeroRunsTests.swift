import Testing

@testable import ReplicationWorker

@Suite struct ZeroRunsTests {
    private func runs(of bytes: [UInt8], granularity: Int) -> [ZeroRuns.Run] {
        bytes.withUnsafeBytes { bytes in
            var runs = ZeroRuns(bytes, granularity: granularity)
            var found: [ZeroRuns.Run] = []
            while let run = runs.next() { found.append(run) }
            return found
        }
    }

    @Test func nothingHasNoRuns() {
        #expect(runs(of: [], granularity: 4).isEmpty)
    }

    @Test func neighboursOfOneKindAreJoined() {
        let bytes: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 9, 0, 0]
        #expect(
            runs(of: bytes, granularity: 4) == [
                .init(offset: 0, length: 8, isZero: true), .init(offset: 8, length: 8, isZero: false),
                .init(offset: 16, length: 2, isZero: true),
            ])
    }

    @Test func runsCoverEveryBufferAndTellTheTruth() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<200 {
            let count = Int.random(in: 1...300, using: &generator)
            var bytes = [UInt8](repeating: 0, count: count)
            for _ in 0..<Int.random(in: 0...4) { bytes[Int.random(in: 0..<count, using: &generator)] = 7 }
            let found = runs(of: bytes, granularity: 16)
            #expect(found.reduce(0) { $0 + $1.length } == count)
            for run in found where run.isZero {
                #expect(bytes[run.offset..<run.offset + run.length].allSatisfy { $0 == 0 })
            }
            for (left, right) in zip(found, found.dropFirst()) {
                #expect(left.offset + left.length == right.offset && left.isZero != right.isZero)
            }
        }
    }

    @Test(arguments: [1, 15, 16, 17, 64, 4_096])
    func oneByteAnywhereIsSeen(count: Int) {
        for position in 0..<count {
            var bytes = [UInt8](repeating: 0, count: count)
            #expect(bytes.withUnsafeBytes { ZeroRuns.isZero($0) })
            bytes[position] = 1
            #expect(!bytes.withUnsafeBytes { ZeroRuns.isZero($0) })
        }
    }
}
