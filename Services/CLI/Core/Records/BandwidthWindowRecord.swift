/// Another bandwidth limit at some hours of some weekdays.
package struct BandwidthWindowRecord: Sendable, Equatable, Codable {
    /// A day on which a window begins.
    package enum Day: String, Sendable, Codable, CaseIterable {
        case mon, tue, wed, thu, fri, sat, sun
    }

    /// In the order of the week, none twice.
    package var days: [Day]
    /// As in `08:00`.
    package var from: String
    /// As in `18:00`, at most `24:00`. Before `from`: of the next day.
    package var to: String
    /// 0: no limit.
    package var bytesPerSecond: UInt64
}
