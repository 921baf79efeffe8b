package import Messages

extension BandwidthWindowRecord {
    package init(wire: BandwidthWindow) {
        self.init(
            days: Day.allCases.filter { wire.weekdays & 1 << UInt32($0.number) != 0 },
            from: Self.clock(minute: Int(min(wire.fromMinute, 1_440))),
            to: Self.clock(minute: Int(min(wire.toMinute, 1_440))), bytesPerSecond: wire.bytesPerSecond)
    }

    package var wire: BandwidthWindow {
        var window = BandwidthWindow()
        window.weekdays = days.reduce(0) { $0 | 1 << UInt32($1.number) }
        window.fromMinute = UInt32(Self.minute(ofClock: from) ?? 0)
        window.toMinute = UInt32(Self.minute(ofClock: to) ?? 0)
        window.bytesPerSecond = bytesPerSecond
        return window
    }
}
