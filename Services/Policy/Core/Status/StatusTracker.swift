/// What is shown of one protection: its newest point, its last cycles, and what the open one still has to move.
struct StatusTracker: Hashable, Sendable {
    /// Bytes of the open cycle.
    struct Load: Hashable, Sendable {
        var totalBytes: UInt64 = 0
        var pendingBytes: UInt64 = 0
    }

    private(set) var last: CycleReport?
    /// Cleared by a success.
    private(set) var lastFailure: CycleReport?
    private(set) var failuresInARow: UInt32 = 0
    /// Why the last committed point is less than what was asked.
    private(set) var consistencyNote = ""
    private(set) var load = Load()
    private var rate = RateMeter()

    /// After a restart: what the store remembers.
    mutating func restore(last: CycleReport?) { self.last = last }

    mutating func opened(totalBytes: UInt64) { load = Load(totalBytes: totalBytes, pendingBytes: totalBytes) }

    mutating func moved(pendingBytes: UInt64, sentBytes: UInt64, at now: PolicyTime) {
        load.pendingBytes = pendingBytes
        rate.add(sentBytes, at: now)
    }

    mutating func succeeded(_ report: CycleReport, consistencyNote: String) {
        precondition(report.error == nil, "a committed cycle has no error")
        last = report
        lastFailure = nil
        failuresInARow = 0
        self.consistencyNote = consistencyNote
        load = Load()
    }

    mutating func failed(_ report: CycleReport) {
        precondition(report.error != nil, "a failed cycle has an error")
        lastFailure = report
        failuresInARow += 1
        load = Load()
    }

    mutating func stopped() { load = Load() }

    func bytesPerSecond(at now: PolicyTime) -> UInt64 { rate.bytesPerSecond(at: now) }
}
