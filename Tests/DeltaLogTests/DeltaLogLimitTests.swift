import FoundationEssentials
import Sealing
import Testing

@testable import DeltaLog

@Suite struct DeltaLogLimitTests {
    let fixture: LogFixture

    init() throws { fixture = try LogFixture() }

    private func create(
        _ edit: (inout DeltaLogHeader) -> Void = { _ in }, guest: GuestConfiguration? = nil
    ) throws -> DeltaLogWriter {
        var header = fixture.header(cycle: 5)
        edit(&header)
        return try DeltaLogWriter.create(
            path: fixture.path("log"), header: header, guest: guest ?? fixture.guest, replicaKey: fixture.replicaKey)
    }

    @Test func headersThatNoLogCanHaveAreRefused() throws {
        let disk = DeltaLogDisk(target: "vda", sizeBytes: 512)
        let disks: [[DeltaLogDisk]] = [
            [], [disk, disk], (0...64).map { DeltaLogDisk(target: "vd\($0)", sizeBytes: 512) },
            [DeltaLogDisk(target: "", sizeBytes: 512)], [DeltaLogDisk(target: "a b", sizeBytes: 512)],
            [DeltaLogDisk(target: "../x", sizeBytes: 512)],
            [DeltaLogDisk(target: String(repeating: "a", count: 33), sizeBytes: 512)],
            [DeltaLogDisk(target: "vda", sizeBytes: 0)], [DeltaLogDisk(target: "vda", sizeBytes: 1000)],
            [DeltaLogDisk(target: "vda", sizeBytes: (1 << 60) + 512)],
        ]
        for disks in disks { expectCode(.limitExceeded, condition: .headerDisks) { try create { $0.disks = disks } } }
        expectCode(.limitExceeded, condition: .headerAncestry) { try create { $0.parentCycle = 5 } }
        expectCode(.limitExceeded, condition: .headerAncestry) { try create { $0.pointIdentifier = .none } }
        expectCode(.limitExceeded, condition: .headerAncestry) { try create { $0.parentPointIdentifier = .none } }
        #expect(!FileManager.default.fileExists(atPath: fixture.path("log")))
    }

    @Test func theLargestHeaderIsWrittenAndRead() throws {
        let guest = GuestConfiguration(
            definition: String(repeating: "é", count: DeltaLogLimits.definitionBytes / 2),
            nvram: try SecureRandom.bytes(DeltaLogLimits.nvramBytes))
        let disks = (0..<64).map {
            DeltaLogDisk(target: String(repeating: "v", count: 30) + "\($0 + 10)", sizeBytes: 1 << 60)
        }
        let writer = try create({ $0.disks = disks }, guest: guest)
        var sealer = try RecordSealer(key: writer.cycleKey, attempt: .max, preference: .zstd)
        let record = try sealer.zero(disk: 63, offset: (1 << 60) - (1 << 40), length: 1 << 40)
        try writer.append(record: record.span.bytes, attempt: .max)
        _ = try writer.finishAttempt(.max)
        _ = try writer.commit(attempts: [.max])
        let reader = try fixture.reader()
        #expect(reader.header.disks == disks)
        #expect(try reader.guest() == guest)
        #expect(reader.extents[0].end == 1 << 60)
        try reader.verify()
    }

    @Test func guestsBeyondTheLimitAreRefused() throws {
        let definition = String(repeating: "x", count: DeltaLogLimits.definitionBytes + 1)
        expectCode(.limitExceeded) { try create(guest: GuestConfiguration(definition: definition)) }
        let nvram = [UInt8](repeating: 0, count: DeltaLogLimits.nvramBytes + 1)
        expectCode(.limitExceeded) { try create(guest: GuestConfiguration(definition: "", nvram: nvram)) }
    }

    @Test func anEmptyGuestIsWrittenAndRead() throws {
        let writer = try create(guest: GuestConfiguration(definition: ""))
        _ = try writer.commit(attempts: [])
        #expect(try fixture.reader().guest() == GuestConfiguration(definition: ""))
    }

    @Test func attemptsAreBounded() throws {
        let writer = try create()
        for attempt in 1...UInt32(DeltaLogLimits.attempts) { try writer.abandonAttempt(attempt) }
        expectCode(.limitExceeded) { try writer.abandonAttempt(UInt32(DeltaLogLimits.attempts) + 1) }
        expectCode(.limitExceeded) { try writer.finishAttempt(UInt32(DeltaLogLimits.attempts) + 1) }
        writer.abort()
    }

    @Test func aMergeTakesABoundedNumberOfLogs() throws {
        let paths = [String](repeating: fixture.path("log"), count: DeltaLogLimits.logsPerMerge + 1)
        expectCode(.limitExceeded) {
            try DeltaLogMerger.merge(logs: paths, into: fixture.path("merged"), replicaKey: fixture.replicaKey)
        }
    }

    @Test func aKeyTableIsBounded() throws {
        var table = KeyTable()
        for cycle in 1...UInt64(DeltaLogLimits.keySlots) + 1 {
            table.append(cycle: cycle, salt: [UInt8](repeating: 0, count: 32))
        }
        var header = fixture.header()
        header.cycle = 1 << 40
        let fault = #expect(throws: FormatFault.self) { try table.checkInvariants(header: header) }
        #expect(fault?.condition == .headerLengths)
    }
}
