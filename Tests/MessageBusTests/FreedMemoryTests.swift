import Foundation
import Testing

@testable import MessageBus

@Suite struct FreedMemoryTests {
    /// Each record is made small where it lies, so that what is freed of it is between two that are in use, as a transfer
    /// leaves it: glibc holds that.
    @Test func whatLiesBetweenThatIsInUseIsGivenBack() throws {
        AllocatorSettings.apply
        let records = 256
        var held = try (0..<records).map { _ in
            let record = try #require(malloc(1 << 20))
            return memset(record, 1, 1 << 20)!
        }
        defer { for record in held { free(record) } }
        let full = try Self.residentMebibytes()
        held = try held.map { try #require(realloc($0, 4 << 10)) }
        let freed = try Self.residentMebibytes()
        FreedMemory.giveBack()
        let after = try Self.residentMebibytes()
        // Other tests of this process take and free memory meanwhile, far less than this.
        #expect(freed > full - records / 2, "glibc gave it back by itself, so this proves nothing")
        #expect(after < full - records / 2, "\(full) MiB, \(freed) MiB when freed, \(after) MiB when given back")
    }

    private static func residentMebibytes() throws -> Int {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") })
        return try #require(Int(line.split(whereSeparator: \.isWhitespace)[1])) / 1_024
    }
}
