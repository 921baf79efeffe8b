/// What became of one cycle.
struct CycleReport: Hashable, Sendable {
    var cycle: UInt64
    var kind: CycleKind
    var consistency: Consistency
    /// By the source host's clock; 0: no capture was reached.
    var capturedUnixMilliseconds: Int64
    /// When it ended: committed, or failed.
    var endedAt: PolicyTime
    /// From due to committed.
    var durationMilliseconds: Int64
    var changedBytes: UInt64
    var sentBytes: UInt64
    /// Set when it failed.
    var error: PolicyError?
    /// Why full or compare.
    var reason: String
    /// Captured from the disks of a guest that was shut off.
    var offline = false
}
