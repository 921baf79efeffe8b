/// How many record bytes the receiver still takes: the sender's side of the bulk flow control, as a value.
///
/// Invariant: `available` is what was granted less what was taken, never negative and never above `ceiling`.
struct CreditAccount: Equatable, Sendable {
    /// A receiver that grants more than this is broken.
    static let ceiling: UInt64 = 1 << 30

    private(set) var available: UInt64 = 0

    /// What a record of this size costs. Both sides compute it alike.
    static func cost(ofRecordBytes count: Int) -> Int { max(count, FrameLimits.smallestRecordCost) }

    /// True when it was taken; false leaves the account as it was.
    mutating func take(_ cost: Int) -> Bool {
        guard UInt64(cost) <= available else { return false }
        available -= UInt64(cost)
        return true
    }

    /// False when the receiver granted nonsense.
    mutating func grant(_ bytes: UInt64) -> Bool {
        let (sum, overflow) = available.addingReportingOverflow(bytes)
        guard !overflow, sum <= Self.ceiling else { return false }
        available = sum
        return true
    }
}
