import Foundation

/// Other bandwidth limits at some hours of some weekdays.
///
/// Hours are those of a time zone that the policy names, so that a policy says by itself when it slows down, wherever
/// the service runs.
struct BandwidthSchedule: Hashable, Sendable {
    /// One span of hours on some weekdays.
    struct Window: Hashable, Sendable {
        /// The days on which it begins, as bits: Monday 1, Tuesday 2, … Sunday 64.
        var weekdays: UInt32
        var fromMinute: UInt32
        /// Not within it. Before `fromMinute`: of the next day.
        var toMinute: UInt32
        /// 0: no limit.
        var bytesPerSecond: UInt64

        /// - Parameter weekday: 0 for Monday.
        func covers(weekday: Int, minute: Int) -> Bool {
            let (from, to) = (Int(fromMinute), Int(toMinute))
            if from < to { return begins(on: weekday) && (from..<to).contains(minute) }
            return begins(on: weekday) && minute >= from || begins(on: (weekday + 6) % 7) && minute < to
        }

        private func begins(on weekday: Int) -> Bool { weekdays & 1 << UInt32(weekday) != 0 }
    }

    /// The first that covers a moment counts.
    var windows: [Window] = []
    /// As in `Europe/Berlin`; empty: UTC.
    var timeZone = ""

    /// The window that covers this instant.
    func window(at instant: PolicyTime) -> Window? {
        guard !windows.isEmpty else { return nil }
        let seconds = instant.milliseconds.floorDivided(by: 1_000)
        let offset = zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(seconds)))
        let local = (seconds + Int64(offset)).floorDivided(by: 60)
        let day = local.floorDivided(by: 1_440)
        // The first of January 1970 was a Thursday.
        let weekday = Int((day + 3) - (day + 3).floorDivided(by: 7) * 7)
        return windows.first { $0.covers(weekday: weekday, minute: Int(local - day * 1_440)) }
    }

    /// Whether this machine knows the time zone. Asked when a policy is put, and not when it is read again: a machine
    /// with other time zone data must still start.
    var isTimeZoneKnown: Bool { timeZone.isEmpty || TimeZone(identifier: timeZone) != nil }

    private var zone: TimeZone { timeZone.isEmpty ? .gmt : TimeZone(identifier: timeZone) ?? .gmt }
}

/// The bandwidth limit of a policy at any time.
struct BandwidthPlan: Hashable, Sendable {
    /// When no window of the schedule covers the moment. 0: no limit.
    var usualBytesPerSecond: UInt64
    var schedule = BandwidthSchedule()

    /// 0: no limit.
    func bytesPerSecond(at instant: PolicyTime) -> UInt64 {
        schedule.window(at: instant)?.bytesPerSecond ?? usualBytesPerSecond
    }
}

extension Int64 {
    fileprivate func floorDivided(by divisor: Int64) -> Int64 {
        self / divisor - (self % divisor < 0 ? 1 : 0)
    }
}
