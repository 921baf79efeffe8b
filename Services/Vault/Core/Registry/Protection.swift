/// One guest on one source host, kept as one replica on one target host, under one policy.
///
/// Invariants: the two hosts differ; generation and version are at least 1; version rises with every change; the
/// generation rises with every change of the active host; a run holds it exactly while it is failing over; the active
/// side is one that its state can have; a failover's cycle is known only while the target is active.
struct Protection: Hashable, Sendable {
    var id: RegistryIdentifier
    var guestUUID: RegistryIdentifier
    var guestName: String
    var sourceHostID: RegistryIdentifier
    var targetHostID: RegistryIdentifier
    /// The pair of clouds that it was made under. It carries policy, mappings and limits in both directions.
    var pair: CloudPair.Key
    var state: ProtectionState
    /// One sentence: why it resynchronizes, who paused it. Empty when there is nothing to say.
    var stateReason: String
    var direction: ReplicationDirection
    /// Rises when the active side changes; commands that carry an older one are refused.
    var generation: UInt64
    /// Compare-and-set: a caller names the version that its decision rests on.
    var version: UInt64
    /// Empty: the pair's policy.
    var policyOverride: String
    var createdUnixMilliseconds: Int64
    var activeSide: ActiveSide = .source
    /// The run of the orchestrator that holds it.
    var run: RegistryIdentifier?
    /// The point that the target's guest was started from; 0: none.
    var failoverCycle: UInt64 = 0
    /// One sentence while both sides run the guest; empty: nothing is wrong.
    var alarm = ""
    /// What a run did last, so that its repetition is recognised. Nobody else is told.
    var lastStep: StepTaken?

    func uses(host id: RegistryIdentifier) -> Bool { sourceHostID == id || targetHostID == id }

    /// The host whose guest may run.
    var activeHostID: RegistryIdentifier {
        switch activeSide {
        case .source: sourceHostID
        case .target: targetHostID
        }
    }

    /// The host whose guest may not run.
    var passiveHostID: RegistryIdentifier {
        switch activeSide {
        case .source: targetHostID
        case .target: sourceHostID
        }
    }

    /// Clouds of its source and target as they are now: those of the pair, the other way round in reverse.
    var clouds: CloudPair.Key {
        switch direction {
        case .forward: pair
        case .reverse: CloudPair.Key(sourceCloud: pair.targetCloud, targetCloud: pair.sourceCloud)
        }
    }
}

enum ReplicationDirection: String, Hashable, CaseIterable, Sendable {
    /// As first protected.
    case forward
    case reverse

    var opposite: ReplicationDirection {
        switch self {
        case .forward: .reverse
        case .reverse: .forward
        }
    }
}

/// Which side's guest may run, and be replicated from, at the protection's generation.
enum ActiveSide: String, Hashable, CaseIterable, Sendable {
    case source
    /// After a failover, until *reverse* makes the target the source.
    case target
}
