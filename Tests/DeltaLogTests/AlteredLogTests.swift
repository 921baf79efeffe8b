import Sealing
import Testing

@testable import DeltaLog

/// A small log with everything in it, cut and altered at every byte.
@Suite struct AlteredLogTests {
    let fixture: LogFixture
    let bytes: [UInt8]

    init() throws {
        fixture = try LogFixture()
        try fixture.log(
            writes: [
                .data(disk: 0, offset: 0, bytes: DiskWrite.pattern(1, count: 512, textShare: 0)),
                .data(disk: 0, offset: 4096, bytes: DiskWrite.pattern(2, count: 1024, textShare: 1)),
                .zero(disk: 1, offset: 0, length: 1 << 30),
            ])
        bytes = try fixture.bytes()
    }

    /// Everything a reader can be asked for.
    private func readAll(_ bytes: [UInt8]) throws {
        let reader = try DeltaLogReader(
            source: MemorySource(bytes: bytes), path: "memory", replicaKey: fixture.replicaKey, index: .kept)
        _ = try reader.guest()
        try reader.verify()
    }

    @Test func untouchedItIsWhole() throws {
        try readAll(bytes)
    }

    @Test func everyAlteredByteIsNoticed() {
        for position in bytes.indices {
            var altered = bytes
            altered[position] ^= 0x01
            #expect(throws: DeltaLogError.self, "byte \(position)") { try readAll(altered) }
        }
    }

    @Test func everyShorterFileIsRefused() {
        for count in bytes.indices {
            #expect(throws: DeltaLogError.self, "\(count) bytes") { try readAll(Array(bytes[..<count])) }
        }
    }

    @Test func aLongerFileIsRefused() {
        for extra in [1, 512, 4096, 8192] {
            expectCode(.incomplete) { try readAll(bytes + [UInt8](repeating: 0, count: extra)) }
        }
    }

    @Test func anotherReplicasKeyIsRefused() throws {
        let other = try SealingKey.random()
        expectCode(.wrongKey, condition: .headerSeal) {
            try DeltaLogReader(source: MemorySource(bytes: bytes), path: "memory", replicaKey: other, index: .kept)
        }
    }

    @Test func aFileOfAnotherKindIsSaidToBeOne() {
        for other in [[], [UInt8](repeating: 0, count: 8192), Array("<domain/>".utf8)] {
            expectCode(.notADeltaLog) { try readAll(other) }
        }
    }

    @Test func aLaterVersionIsSaidToBeOne() {
        var altered = bytes
        altered[11] = 2
        expectCode(.unsupportedVersion, condition: .headerVersion) { try readAll(altered) }
    }
}
