import Testing

@testable import OperatorCLI

@Suite struct QuantityTests {
    @Test(arguments: [
        ("90", 90), ("90s", 90), ("90 s", 90), ("5m", 300), ("5min", 300), ("4h", 14_400), ("7d", 604_800),
        ("2w", 1_209_600), ("never", 0), ("0", 0),
    ])
    func spansAreUnderstood(text: String, seconds: UInt32) throws {
        #expect(try Quantity.seconds(text) == seconds)
    }

    @Test(arguments: ["", "s", "-1s", "1.5h", "1y", "99999999999d", "ten"])
    func whatIsNoSpanIsRefused(text: String) {
        #expect(throws: OperatorError.self) { try Quantity.seconds(text) }
    }

    @Test(arguments: [
        ("1000", 1_000), ("64K", 65_536), ("64KiB", 65_536), ("64kb", 65_536), ("100M", 104_857_600),
        ("2G", 2_147_483_648), ("1 TiB", 1_099_511_627_776), ("unlimited", 0),
    ])
    func sizesAreUnderstood(text: String, bytes: UInt64) throws {
        #expect(try Quantity.bytes(text) == bytes)
    }

    @Test(arguments: ["", "M", "1.5G", "1X", "18446744073709551615K"])
    func whatIsNoSizeIsRefused(text: String) {
        #expect(throws: OperatorError.self) { try Quantity.bytes(text) }
    }
}
