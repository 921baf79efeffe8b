/// How many bytes a second one job reads, as seen lately: of a worker, or between two sites.
struct JobSpeed: Hashable, Sendable {
    /// 0: not known yet.
    private(set) var bytesPerSecond: UInt64 = 0

    /// Less says more about connecting than about moving.
    private static let bytesMinimum: UInt64 = 4 << 20
    /// A job that moved less than that in this time is slow, and that is known then.
    private static let slowMilliseconds: Int64 = 10_000
    /// Before this a running job says nothing; a finished one does.
    private static let runningMilliseconds: Int64 = 3_000
    private static let bytesPerSecondMaximum = Double(UInt64(1) << 50)

    /// - Parameter isHeldBack: the job moved as fast as its share of the bandwidth allowed, so it says that the worker
    ///   is at least this fast, and not that it is no faster.
    mutating func ran(_ bytes: UInt64, in milliseconds: Int64, isHeldBack: Bool) {
        guard milliseconds >= Self.runningMilliseconds else { return }
        note(bytes, milliseconds, isHeldBack: isHeldBack, weight: 0.125)
    }

    /// A whole job says more than a report on the way.
    mutating func finished(_ bytes: UInt64, in milliseconds: Int64, isHeldBack: Bool) {
        note(bytes, milliseconds, isHeldBack: isHeldBack, weight: 0.5)
    }

    private mutating func note(_ bytes: UInt64, _ milliseconds: Int64, isHeldBack: Bool, weight: Double) {
        guard bytes >= Self.bytesMinimum || milliseconds >= Self.slowMilliseconds else { return }
        let seen = min(Double(bytes) * 1_000 / Double(max(1, milliseconds)), Self.bytesPerSecondMaximum)
        if isHeldBack, seen <= Double(bytesPerSecond) || bytesPerSecond == 0 { return }
        let before = bytesPerSecond == 0 ? seen : Double(bytesPerSecond)
        bytesPerSecond = max(1, UInt64(before * (1 - weight) + seen * weight))
    }
}
