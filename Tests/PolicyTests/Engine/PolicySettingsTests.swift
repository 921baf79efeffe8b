import Messages
import SwiftProtobuf
import Testing

@testable import Policy

@Suite struct PolicySettingsTests {
    /// Each changes one thing to what cannot work, and names a word of the sentence that says so.
    static let broken: [(String, @Sendable (inout PolicySettings) -> Void)] = [
        ("name", { $0.name = "" }),
        ("name", { $0.name = "two words" }),
        ("name", { $0.name = "-dash" }),
        ("name", { $0.name = String(repeating: "x", count: 65) }),
        ("frequency of 0", { $0.frequencySeconds = 0 }),
        ("frequency of 604801", { $0.frequencySeconds = 604_801 }),
        ("no recovery point", { $0.retention = .init(everyCycleSeconds: 0, hourlySeconds: 0, dailySeconds: 0) }),
        ("hourly", { $0.retention = .init(everyCycleSeconds: 100, hourlySeconds: 50, dailySeconds: 0) }),
        ("daily", { $0.retention = .init(everyCycleSeconds: 1, hourlySeconds: 100, dailySeconds: 50) }),
        ("keeps points for", { $0.retention.dailySeconds = .max }),
        ("more often", { $0.applicationConsistentEverySeconds = 10 }),
        ("bandwidth", { $0.bandwidthBytesPerSecond = 100 }),
        ("no time", { $0.initialNotBeforeUnixSeconds = -1 }),
        ("freeze", { $0.freezeLimitMilliseconds = 60_001 }),
        ("freeze", { $0.freezeLimitMilliseconds = 0 }),
        ("shut down", { $0.shutdownLimitSeconds = 0 }),
        ("shut down", { $0.shutdownLimitSeconds = 601 }),
    ]

    @Test(arguments: broken.indices)
    func `what cannot work is refused with a sentence and a remedy`(index: Int) throws {
        let (word, change) = Self.broken[index]
        var settings = PolicySettings.builtIn
        change(&settings)
        let error = try #require(throws: PolicyError.self) { try settings.checkInvariants() }
        #expect(error.code == .invalidArgument)
        #expect(error.message.contains(word), "\(error.message)")
        #expect(!error.remedy.isEmpty)
    }

    @Test func `who says nothing of shutting down waits two minutes and never pulls the plug`() throws {
        var wire = PolicySettings.builtIn.wire
        #expect(wire.shutdownLimitSeconds == 120 && wire.whenShutdownFails == .stop)
        wire.shutdownLimitSeconds = 0
        wire.whenShutdownFails = .unspecified
        #expect(try PolicySettings(wire: wire) == .builtIn)
        wire.whenShutdownFails = .destroy
        #expect(try PolicySettings(wire: wire).whenShutdownFails == .destroy)
        wire.whenShutdownFails = .UNRECOGNIZED(9)
        #expect(throws: PolicyError.self) { try PolicySettings(wire: wire) }
    }

    @Test func `the built-in policy works`() throws {
        try PolicySettings.builtIn.checkInvariants()
        var fastest = PolicySettings.builtIn
        fastest.frequencySeconds = 1
        try fastest.checkInvariants()
    }
}
