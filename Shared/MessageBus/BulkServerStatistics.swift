/// What a bulk server has seen since it was bound.
package struct BulkServerStatistics: Equatable, Sendable {
    package var transfersOpened: UInt64 = 0
    package var transfersNow: Int = 0
    package var records: UInt64 = 0
    package var recordBytes: UInt64 = 0
    /// Frames that are not bulk frames, or come from a peer without a transfer.
    package var malformed: UInt64 = 0
    /// Transfers ended because the peer broke a rule: credit, order, kind.
    package var violations: UInt64 = 0
    package var vanished: UInt64 = 0

    package init() {}
}
