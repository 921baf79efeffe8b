/// Identifies one outward request of one protection, so that a late or repeated answer is recognised.
struct CallNumber: Hashable, Sendable {
    let value: UInt64
}

/// A request to a host agent about one protection.
enum AgentCall: Hashable, Sendable {
    struct CaptureOrder: Hashable, Sendable {
        var guestUUID: String
        var cycle: UInt64
        var kind: CycleKind
        var parent: UInt64
        var consistency: Consistency
        var freezeLimitMilliseconds: UInt32
    }

    struct CycleOrder: Hashable, Sendable {
        var guestUUID: String
        var guestName: String
        var cycle: UInt64
        var parent: UInt64
        var kind: CycleKind
        var capturedUnixMilliseconds: Int64
        var consistency: Consistency
        var disks: [DiskDescription]
        var definition: String
        var nvram: [UInt8]
        var expectedBytes: UInt64
        /// Nil while the policy is not known.
        var retention: PolicySettings.Retention?
    }

    // Source role.
    case openCapture(CaptureOrder)
    case keepCapture(cycle: UInt64, kind: CycleKind)
    /// The same request on the wire, whose answer also says that the capture held until now.
    case verifyCapture(cycle: UInt64)
    /// The old checkpoint is deleted.
    case closeCommitted(cycle: UInt64)
    /// The new checkpoint is deleted; that of `keep` stays.
    case closeAbandoned(cycle: UInt64, keep: UInt64)
    case releaseSource(guestUUID: String)
    // Target role.
    case openCycle(CycleOrder)
    case commitCycle(cycle: UInt64, jobs: [StoredJob], retention: PolicySettings.Retention)
    case abortCycle(cycle: UInt64)
    case describeReplica
    case deleteReplica

    /// For logs.
    var name: String {
        switch self {
        case .openCapture(let order): "OpenCapture \(order.cycle)"
        case .keepCapture(let cycle, _): "KeepCapture \(cycle)"
        case .verifyCapture(let cycle): "KeepCapture \(cycle), before the commit"
        case .closeCommitted(let cycle): "CloseCapture \(cycle), committed"
        case .closeAbandoned(let cycle, _): "CloseCapture \(cycle), abandoned"
        case .releaseSource: "ReleaseSource"
        case .openCycle(let order): "OpenCycle \(order.cycle)"
        case .commitCycle(let cycle, _, _): "CommitCycle \(cycle)"
        case .abortCycle(let cycle): "AbortCycle \(cycle)"
        case .describeReplica: "DescribeReplica"
        case .deleteReplica: "DeleteReplica"
        }
    }

    var deadlineMilliseconds: Int64 {
        switch self {
        case .openCapture(let order):
            PolicyLimits.captureDeadlineMilliseconds + Int64(order.freezeLimitMilliseconds)
        case .commitCycle:
            PolicyLimits.commitDeadlineMilliseconds
        case .keepCapture:
            PolicyLimits.keepDeadlineMilliseconds
        case .closeCommitted, .closeAbandoned, .releaseSource, .openCycle, .abortCycle, .describeReplica,
            .deleteReplica, .verifyCapture:
            PolicyLimits.agentDeadlineMilliseconds
        }
    }
}

/// A host agent's answer, already checked against what was asked.
enum AgentAnswer: Hashable, Sendable {
    case done
    case captureOpened(Capture)
    case cycleOpened(TransferDoor)
    /// Bytes of the delta log as stored.
    case committed(storedBytes: UInt64)
    case replica(ReplicaSummary)
}
