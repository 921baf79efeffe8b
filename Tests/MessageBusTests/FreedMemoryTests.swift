import Foundation
import Testing

@testable import MessageBus

@Suite struct FreedMemoryTests {
    /// Records and small allocations behind each of them, as a transfer leaves them: glibc holds what was freed between.
    @Test func whatLiesBetweenThatIsInUseIsGivenBack() throws {
        AllocatorSettings.apply
        let records = 256
        var held: [UnsafeMutableRawPointer] = []
        var pins: [UnsafeMutableRawPointer] = []
        for _ in 0..<records {
            let record = try #require(malloc(1 << 20))
            memset(record, 1, 1 << 20)
            held.append(record)
            pins.append(try #require(malloc(4 << 10)))
        }
        defer { for pin in pins { free(pin) } }
        let full = try Self.residentMebibytes()
        for record in held { free(record) }
        let freed = try Self.residentMebibytes()
        FreedMemory.giveBack()
        let after = try Self.residentMebibytes()
        // Other tests of this process take and free memory meanwhile, far less than this.
        #expect(freed > full - records / 2, "glibc gave it back by itself, so this proves nothing")
        #expect(after < full - records * 3 / 4, "\(full) MiB, \(freed) MiB when freed, \(after) MiB when given back")
    }

    private static func residentMebibytes() throws -> Int {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") })
        return try #require(Int(line.split(whereSeparator: \.isWhitespace)[1])) / 1_024
    }
}
