import FoundationEssentials
import Sealing
import Testing

@testable import DeltaLog

@Suite struct LogFileTests {
    let fixture: LogFixture

    init() throws { fixture = try LogFixture() }

    /// Neither length nor place nor memory is aligned, as direct writes want them: they are written all the same.
    @Test func writesThatTheDeviceRefusesGoThroughThePageCache() throws {
        let file = try LogFile(creating: fixture.path("log"))
        _ = file.useDirectWrites()
        let bytes = [UInt8](repeating: 7, count: 100)
        try bytes.withUnsafeBytes { try file.write(.init(rebasing: $0[1...]), at: 3) }
        try file.synchronize()
        #expect(try fixture.bytes() == [0, 0, 0] + bytes.dropFirst())
    }

    @Test(.enabled(if: FileManager.default.fileExists(atPath: "/dev/shm"), "there is no /dev/shm to try tmpfs on"))
    func aLogIsWrittenInMemory() throws {
        let path = "/dev/shm/bsc-\(UUID().uuidString.prefix(8)).hrl"
        let writer = try DeltaLogWriter.create(
            path: path, header: fixture.header(), guest: fixture.guest, replicaKey: fixture.replicaKey)
        defer { writer.abort() }
        var sealer = try RecordSealer(key: writer.cycleKey, attempt: 1, preference: .none)
        let piece = DiskWrite.pattern(1, count: 1 << 20)
        for index in 0..<6 {
            let record = try sealer.sealData(disk: 0, offset: UInt64(index) << 20, bytes: piece.span.bytes)
            try writer.append(record: record.span.bytes, attempt: 1)
        }
        _ = try writer.finishAttempt(1)
        _ = try writer.commit(attempts: [1])
        defer { #expect(throws: Never.self) { try LogFile.remove(path) } }
        try DeltaLogReader(path: path, replicaKey: fixture.replicaKey).verify()
    }

    @Test func errorsSayWhatTheSystemSaid() throws {
        expectCode(.inputOutput) { try LogFile(reading: fixture.path("missing")) }
        expectCode(.inputOutput) { try LogFile(creating: fixture.path("no/such/directory")) }
        expectCode(.notADeltaLog) { try LogFile(reading: fixture.directory).byteCount() }
        try fixture.replace(with: [1, 2, 3])
        let file = try LogFile(reading: fixture.path("log"))
        expectCode(.incomplete) { try file.bytes(at: 2, count: 2) }
        try LogFile.remove(fixture.path("missing"))
    }
}
