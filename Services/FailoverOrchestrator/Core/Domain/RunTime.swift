/// An instant of this service's own clock: milliseconds since 1970.
///
/// The driver reads the wall clock once, at start, and advances it by the monotonic clock, because a stepped wall clock
/// must neither cut a waiting time nor change a measured one. Instants of other machines' clocks are never this type.
struct RunTime: Hashable, Comparable, Sendable, Codable {
    var milliseconds: Int64

    init(milliseconds: Int64) { self.milliseconds = milliseconds }

    init(from decoder: any Decoder) throws {
        milliseconds = try decoder.singleValueContainer().decode(Int64.self)
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(milliseconds)
    }

    static func < (left: RunTime, right: RunTime) -> Bool { left.milliseconds < right.milliseconds }

    static func + (instant: RunTime, milliseconds: Int64) -> RunTime {
        RunTime(milliseconds: instant.milliseconds + milliseconds)
    }

    /// Milliseconds from `right` to `left`.
    static func - (left: RunTime, right: RunTime) -> Int64 { left.milliseconds - right.milliseconds }
}
