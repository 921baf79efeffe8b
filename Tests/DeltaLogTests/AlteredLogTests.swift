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

    @Test func untouchedItIsWhole() throws {
        try fixture.readAll(bytes)
    }

    @Test func everyAlteredByteIsNoticed() {
        for position in bytes.indices {
            var altered = bytes
            altered[position] ^= 0x01
            #expect(throws: DeltaLogError.self, "byte \(position)") { try fixture.readAll(altered) }
        }
    }

    @Test func everyShorterFileIsRefused() {
        for count in bytes.indices {
            #expect(throws: DeltaLogError.self, "\(count) bytes") { try fixture.readAll(Array(bytes[..<count])) }
        }
    }

    @Test func aLongerFileIsRefused() {
        for extra in [1, 512, 4096, 8192] {
            expectCode(.incomplete) { try fixture.readAll(bytes + [UInt8](repeating: 0, count: extra)) }
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
            expectCode(.notADeltaLog) { try fixture.readAll(other) }
        }
    }

    @Test func aLaterVersionIsSaidToBeOne() {
        var altered = bytes
        altered[11] = 2
        expectCode(.unsupportedVersion, condition: .headerVersion) { try fixture.readAll(altered) }
    }
}
