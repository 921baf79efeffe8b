import Testing

@testable import Policy

@Suite struct BandwidthScheduleTests {
    /// Monday, 1 January 2024, 00:00 UTC.
    static let monday = PolicyTime.seconds(1_704_067_200)

    static func at(_ day: Int64, _ hour: Int64, _ minute: Int64 = 0) -> PolicyTime {
        monday + ((day * 24 + hour) * 60 + minute) * 60_000
    }

    static func window(_ days: UInt32, _ from: UInt32, _ to: UInt32, _ limit: UInt64) -> BandwidthSchedule.Window {
        .init(weekdays: days, fromMinute: from, toMinute: to, bytesPerSecond: limit)
    }

    static let office = window(0b001_1111, 8 * 60, 18 * 60, 5_000_000)

    @Test(
        arguments: [
            (0, 7, 59, 9 as UInt64), (0, 8, 0, 5_000_000), (4, 17, 59, 5_000_000), (4, 18, 0, 9), (5, 12, 0, 9),
            (7, 8, 0, 5_000_000),
        ] as [(Int64, Int64, Int64, UInt64)])
    func `office hours hold on weekdays from their first minute to before their last`(
        day: Int64, hour: Int64, minute: Int64, limit: UInt64
    ) {
        let plan = BandwidthPlan(usualBytesPerSecond: 9, schedule: .init(windows: [Self.office]))
        #expect(plan.bytesPerSecond(at: Self.at(day, hour, minute)) == limit)
    }

    @Test(arguments: [(4, 21, 9), (4, 22, 1), (5, 5, 1), (5, 6, 9), (5, 22, 9), (0, 5, 9)] as [(Int64, Int64, UInt64)])
    func `a window over midnight belongs to the day on which it begins`(day: Int64, hour: Int64, limit: UInt64) {
        let friday = Self.window(0b001_0000, 22 * 60, 6 * 60, 1)
        let plan = BandwidthPlan(usualBytesPerSecond: 9, schedule: .init(windows: [friday]))
        #expect(plan.bytesPerSecond(at: Self.at(day, hour)) == limit)
    }

    @Test func `a window over midnight of Sunday reaches into Monday`() {
        let sunday = Self.window(0b100_0000, 23 * 60, 60, 1)
        let plan = BandwidthPlan(usualBytesPerSecond: 9, schedule: .init(windows: [sunday]))
        #expect(plan.bytesPerSecond(at: Self.at(6, 23)) == 1)
        #expect(plan.bytesPerSecond(at: Self.at(7, 0, 59)) == 1)
        #expect(plan.bytesPerSecond(at: Self.at(7, 1)) == 9)
    }

    @Test func `the first window that covers a moment counts, also when it has no limit`() {
        let noon = Self.window(127, 12 * 60, 13 * 60, 0)
        let whole = Self.window(127, 0, 1_440, 3)
        let plan = BandwidthPlan(usualBytesPerSecond: 9, schedule: .init(windows: [noon, whole]))
        #expect(plan.bytesPerSecond(at: Self.at(2, 12, 30)) == 0)
        #expect(plan.bytesPerSecond(at: Self.at(2, 13)) == 3)
        #expect(plan.bytesPerSecond(at: Self.at(2, 23, 59)) == 3)
    }

    @Test func `hours are those of the time zone, in winter and in summer`() {
        let plan = BandwidthPlan(
            usualBytesPerSecond: 9, schedule: .init(windows: [Self.office], timeZone: "Europe/Berlin"))
        #expect(plan.bytesPerSecond(at: Self.at(0, 6, 59)) == 9)
        #expect(plan.bytesPerSecond(at: Self.at(0, 7)) == 5_000_000)
        // Monday, 1 July 2024: two hours ahead of UTC.
        let summer = Self.at(182, 0)
        #expect(plan.bytesPerSecond(at: summer + (5 * 60 + 59) * 60_000) == 9)
        #expect(plan.bytesPerSecond(at: summer + 6 * 3_600_000) == 5_000_000)
    }

    @Test func `weekdays are right before 1970, too`() {
        let plan = BandwidthPlan(
            usualBytesPerSecond: 9, schedule: .init(windows: [Self.window(0b000_0100, 0, 1_440, 1)]))
        #expect(plan.bytesPerSecond(at: PolicyTime.seconds(-1)) == 1)
        #expect(plan.bytesPerSecond(at: PolicyTime.seconds(0)) == 9)
    }

    static let broken: [(String, BandwidthSchedule)] = [
        ("bandwidth to 100", .init(windows: [window(1, 0, 60, 100)])),
        ("no weekday", .init(windows: [window(0, 0, 60, 0)])),
        ("no weekday", .init(windows: [window(128, 0, 60, 0)])),
        ("from minute 1440", .init(windows: [window(1, 1_440, 60, 0)])),
        ("to 0", .init(windows: [window(1, 60, 0, 0)])),
        ("to 1441", .init(windows: [window(1, 60, 1_441, 0)])),
        ("from minute 60 to 60", .init(windows: [window(1, 60, 60, 0)])),
        ("65 windows", .init(windows: Array(repeating: office, count: 65))),
        ("time zone", .init(timeZone: String(repeating: "x", count: 65))),
    ]

    @Test(arguments: broken.indices)
    func `a schedule that cannot be meant is refused with a sentence and a remedy`(index: Int) throws {
        let (word, schedule) = Self.broken[index]
        var settings = PolicySettings.builtIn
        settings.bandwidthSchedule = schedule
        let error = try #require(throws: PolicyError.self) { try settings.checkInvariants() }
        #expect(error.code == .invalidArgument && !error.remedy.isEmpty)
        #expect(error.message.contains(word), "\(error.message)")
    }

    @Test func `a schedule travels and comes back, and an unknown time zone is refused on the way`() throws {
        var settings = PolicySettings.builtIn
        settings.bandwidthSchedule = .init(windows: [Self.office], timeZone: "Europe/Berlin")
        #expect(try PolicySettings(wire: settings.wire) == settings)
        settings.bandwidthSchedule.timeZone = "Middle-earth/Bree"
        let error = try #require(throws: PolicyError.self) { try PolicySettings(wire: settings.wire) }
        #expect(error.code == .invalidArgument && error.message.contains("Middle-earth/Bree"))
    }
}
