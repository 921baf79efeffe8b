import Foundation
import Sealing
import Testing

@testable import DeltaLog

/// Every version of the format ever written stays readable. One file per version is kept, and never made anew.
@Suite struct GoldenLogTests {
    /// The key and the contents that `version-1.hrl` was made with.
    private static func replicaKey() throws -> SealingKey { try SealingKey(bytes: [UInt8](0..<32)) }

    private static let header = DeltaLogHeader(
        protection: UUID(uuid: (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)), cycle: 12, parentCycle: 9,
        pointIdentifier: PointIdentifier(bytes: [UInt8](repeating: 0xA5, count: 16)) ?? .none,
        parentPointIdentifier: PointIdentifier(bytes: [UInt8](repeating: 0x5A, count: 16)) ?? .none,
        capturedUnixMilliseconds: 1_750_000_000_123, consistency: .application, generation: 4,
        disks: [
            DeltaLogDisk(target: "vda", sizeBytes: 1 << 30), DeltaLogDisk(target: "sdb.data", sizeBytes: 1 << 41),
        ])

    private static let guest = GuestConfiguration(
        definition: "<domain type='kvm'><name>gölden</name></domain>", nvram: [UInt8](repeating: 0xFF, count: 4096))

    private static func plain() -> [UInt8] { (0..<1536).map { UInt8(truncatingIfNeeded: $0 &* $0 &* 37 >> 3) } }
    private static func shrinking() -> [UInt8] { (0..<65_536).map { UInt8(truncatingIfNeeded: $0 / 512) } }

    private static func path(_ name: String) throws -> String {
        try #require(Bundle.module.path(forResource: name, ofType: "hrl", inDirectory: "Golden"))
    }

    @Test func version1IsReadAsItWasWritten() throws {
        let reader = try DeltaLogReader(path: Self.path("version-1"), replicaKey: Self.replicaKey())
        #expect(reader.header == Self.header)
        #expect(try reader.guest() == Self.guest)
        #expect(
            reader.summary
                == DeltaLogSummary(
                    extents: 5, records: 5, dataBytes: 1536 + 3 * 65_536, zeroBytes: 1 << 40, fileBytes: 12_288))
        #expect(reader.extents.map(\.disk) == [0, 0, 0, 1, 1])
        #expect(reader.extents.map(\.offset) == [0, 65_536, 1 << 20, 0, 1 << 40])
        #expect(try reader.data(reader.extents[0]) == Self.plain())
        for extent in reader.extents[1...3] { #expect(try reader.data(extent) == Self.shrinking()) }
        #expect(reader.extents[4].isZero && reader.extents[4].length == 1 << 40)
        try reader.verify()
    }

    /// Whoever implements Format.md anew can check their bytes against these offsets.
    @Test func version1HasItsFieldsWhereTheFormatSays() throws {
        let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: Self.path("version-1"))))
        let raw = bytes.span.bytes
        #expect(Array(bytes[..<8]) == [0x89, 0x48, 0x52, 0x4C, 0x0D, 0x0A, 0x1A, 0x0A])
        #expect(raw.integer(at: 8, as: UInt32.self) == 1 && raw.integer(at: 12, as: UInt32.self) == 296)
        #expect(Array(bytes[16..<32]) == [UInt8](0..<16))
        #expect(raw.integer(at: 32, as: UInt64.self) == 12 && raw.integer(at: 40, as: UInt64.self) == 9)
        #expect(raw.integer(at: 80, as: Int64.self) == 1_750_000_000_123 && raw.integer(at: 88, as: UInt64.self) == 4)
        #expect(bytes[128] == 2 && raw.integer(at: 130, as: UInt16.self) == 2)
        #expect(raw.integer(at: 132, as: UInt32.self) == 1)
        #expect(Array(bytes[200..<208]) == Array("sdb.data".utf8) && bytes[208] == 0)
        let trailer = bytes.count - 192
        #expect(Array(bytes[trailer..<trailer + 8]) == Array("HRL-END!".utf8))
        #expect(raw.integer(at: trailer + 16, as: UInt64.self) == UInt64(bytes.count))
        let guestEnd = 296 + Int(raw.integer(at: 144, as: UInt32.self)) + 16
        #expect(Array(bytes[guestEnd..<guestEnd + 4]) == Array("BREC".utf8))
    }

    /// Makes the file of a new version, by hand: `BASCULE_MAKE_GOLDEN=FILE swift test --filter GoldenLogTests`.
    @Test(.enabled(if: ProcessInfo.processInfo.environment["BASCULE_MAKE_GOLDEN"] != nil))
    func makeGoldenFile() throws {
        let path = try #require(ProcessInfo.processInfo.environment["BASCULE_MAKE_GOLDEN"])
        let writer = try DeltaLogWriter.create(
            path: path, header: Self.header, guest: Self.guest, replicaKey: Self.replicaKey())
        let writes: [(CompressionPreference, DiskWrite)] = [
            (.none, .data(disk: 0, offset: 0, bytes: Self.plain())),
            (.lz4, .data(disk: 0, offset: 65_536, bytes: Self.shrinking())),
            (.zstd, .data(disk: 0, offset: 1 << 20, bytes: Self.shrinking())),
            (.automatic, .data(disk: 1, offset: 0, bytes: Self.shrinking())),
            (.none, .zero(disk: 1, offset: 1 << 40, length: 1 << 40)),
        ]
        // An abandoned attempt is in the file too, and does not surface.
        for (index, (preference, write)) in ([(.none, writes[0].1)] + writes).enumerated() {
            let attempt = UInt32(index + 1)
            var sealer = try RecordSealer(key: writer.cycleKey, attempt: attempt, preference: preference)
            let record = try write.record(&sealer)
            try writer.append(record: record.span.bytes, attempt: attempt)
            _ = try writer.finishAttempt(attempt)
        }
        _ = try writer.commit(attempts: [2, 3, 4, 5, 6])
    }
}
