/// What the policy service says of one protection: how well it goes, how old the newest point is, and the last cycles.
package struct ReplicationStatus: Sendable, Equatable, Codable {
    package enum Level: String, Sendable, Codable, CaseIterable {
        case normal
        case warning
        case critical
        case unknown

        package var style: TextStyle {
            switch self {
            case .normal: .good
            case .warning: .warning
            case .critical: .bad
            case .unknown: .dim
            }
        }
    }

    package var protection: String
    package var health: Level
    /// One sentence each; empty while the health is normal.
    package var healthReason: String
    package var healthRemedy: String
    package var policy: String
    /// 0: no point yet.
    package var newestCycle: UInt64
    /// Since the newest point's capture began; nil: no point yet.
    package var newestPointAgeMilliseconds: Int64?
    package var cycleOpen: Bool
    package var phase: String
    /// Of the open cycle: not yet stored, and all of it.
    package var pendingBytes: UInt64
    package var totalBytes: UInt64
    package var rateBytesPerSecond: UInt64
    package var failuresInARow: UInt32
    /// Of the vault's record that the policy service has seen; 0: it does not say.
    package var protectionVersion: UInt64
    package var lastCycle: CycleRecord?
    package var lastFailure: CycleRecord?

    /// Of the open cycle.
    package var doneBytes: UInt64 { totalBytes - min(pendingBytes, totalBytes) }
}
