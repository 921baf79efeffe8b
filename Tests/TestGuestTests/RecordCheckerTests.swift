import Foundation
import TestGuest
import Testing

/// The checker is an oracle of other tests, so it is shown to find each kind of damage.
@Suite struct RecordCheckerTests {
    let layout = RecordLayout(diskCount: 2, areaBytes: 1 << 20)

    /// Two images as a guest that stopped after `newest` records would leave them.
    private func images(upTo newest: UInt64, damage: (inout [[UInt8]]) -> Void = { _ in }) throws -> [String] {
        var disks = [[UInt8]](repeating: [UInt8](repeating: 0, count: 1 << 20), count: 2)
        for number in stride(from: UInt64(1), through: newest, by: 1) { write(number, to: &disks) }
        damage(&disks)
        return try disks.map { bytes in
            let path = "/tmp/bsc-\(UUID().uuidString)"
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            return path
        }
    }

    private func write(_ number: UInt64, to disks: inout [[UInt8]]) {
        var words = [UInt64](repeating: number &* 7, count: 512)
        words[0] = "BSCREC01".utf8.reversed().reduce(0) { $0 << 8 | UInt64($1) }
        words[1] = number
        words[511] = words[0..<511].reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ $1) &* 0x100_0000_01b3 }
        let bytes = words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } }
        let offset = Int(layout.offset(of: number))
        disks[layout.disk(of: number)].replaceSubrange(offset..<offset + 4_096, with: bytes)
    }

    private func check(_ paths: [String]) throws -> UInt64 {
        defer { for path in paths { unlink(path) } }
        return try RecordChecker(layout: layout).check(images: paths)
    }

    @Test(arguments: [0, 1, 2, 31, 512, 513, 1_700] as [UInt64])
    func anUnbrokenSequenceIsAccepted(newest: UInt64) throws {
        #expect(try check(images(upTo: newest)) == newest)
    }

    @Test func aTornRecordIsFound() throws {
        #expect(throws: TestGuestError.self) {
            try check(images(upTo: 100) { $0[0][Int(layout.offset(of: 51)) + 2_000] ^= 1 })
        }
    }

    @Test func aMissingRecordIsFound() throws {
        #expect(throws: TestGuestError.self) {
            try check(
                images(upTo: 100) {
                    let offset = Int(layout.offset(of: 42))
                    $0[1].replaceSubrange(offset..<offset + 4_096, with: repeatElement(0, count: 4_096))
                })
        }
    }

    @Test func aStaleRecordIsFound() throws {
        // One whole round later, record 5 must have been overwritten by 5 + capacity.
        #expect(throws: TestGuestError.self) {
            try check(images(upTo: layout.capacity + 100) { write(5, to: &$0) })
        }
    }

    @Test func aRecordInAWrongPlaceIsFound() throws {
        #expect(throws: TestGuestError.self) {
            try check(
                images(upTo: 100) {
                    let source = Int(layout.offset(of: 1))
                    $0[0].replaceSubrange(1 << 19..<1 << 19 + 4_096, with: $0[0][source..<source + 4_096])
                })
        }
    }
}
