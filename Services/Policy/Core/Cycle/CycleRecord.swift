/// The durable record of an open cycle. It is written before the first outward act and removed after the last one, so
/// that a restarted service knows exactly which capture and which open cycle it may have left behind.
///
/// Always: `cycle > parent`; an incremental cycle has a parent; a record in stage `committed` names a cycle that the
/// target holds.
struct CycleRecord: Hashable, Sendable {
    /// How far the cycle may have got. Written before the act that it names.
    enum Stage: String, Sendable, CaseIterable {
        /// Capture and target may be open; no commit was sent, so the cycle cannot become a point.
        case opened
        /// A commit may have been sent: only the target knows whether the point exists.
        case committing
        /// The target has committed; only the capture is left to close.
        case committed
    }

    var protection: ProtectionIdentifier
    var generation: UInt64
    var cycle: UInt64
    /// The last committed cycle; 0: none.
    var parent: UInt64
    var kind: CycleKind
    var reason: String
    var wanted: Consistency
    var sourceHost: String
    var targetHost: String
    var guestUUID: String
    var dueAt: PolicyTime
    /// When the capture was asked for: the point is at least as young as this.
    var startedAt: PolicyTime
    var stage: Stage
    /// Of the protection in the registry when the cycle began; tells an older wish for a resync from a newer one.
    var registryVersion: UInt64
    // Known once the capture is open.
    var reached: Consistency
    var capturedUnixMilliseconds: Int64
    var changedBytes: UInt64
    /// From the disks of a guest that is shut off.
    var offline = false

    /// As `ProtectionProgress.bound(by:)`.
    mutating func bound(by now: PolicyTime) {
        dueAt = min(dueAt, now)
        startedAt = min(startedAt, now)
    }

    func checkInvariants() throws {
        guard cycle > parent else { throw Self.broken("cycle \(cycle) is not after its parent \(parent)") }
        guard kind != .incremental || parent > 0 else { throw Self.broken("incremental cycle \(cycle) has no parent") }
        guard kind != .compare || parent > 0 else { throw Self.broken("comparing cycle \(cycle) has no parent") }
        guard !sourceHost.isEmpty, !targetHost.isEmpty else { throw Self.broken("cycle \(cycle) names no hosts") }
        guard generation > 0 else { throw Self.broken("cycle \(cycle) has no generation") }
    }

    private static func broken(_ what: String) -> PolicyError {
        PolicyError(.internal, "The record of an open cycle is wrong: \(what).")
    }
}
