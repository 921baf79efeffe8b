/// One question to another service. Each is small, and its answer becomes facts of the run.
enum RunCall: Hashable, Sendable {
    case snapshot
    case advance(FailoverAdvance)
    case policies
    case status
    case history
    case trigger
    case agent(Side, AgentOrder)
}

/// One step of a protection from side to side, as the vault takes it.
struct FailoverAdvance: Hashable, Sendable {
    var move: FailoverMove
    var version: UInt64
    var cycle: UInt64
    var reason: String
}

/// As the vault calls them; see Protocol.md, "Failover steps".
enum FailoverMove: String, Hashable, Sendable, Codable, CaseIterable {
    case begin, retreat, activateTarget, pend, changePoint, commit, cancel, reverse
}

/// Why a replica is started.
enum ReplicaPurpose: String, Hashable, Sendable, Codable { case test, failover }

/// What an agent is told or asked.
enum AgentOrder: Hashable, Sendable {
    case describeSide
    case describeReplica
    case listPoints
    case setSide(active: Bool, FenceAction)
    case stopGuest(limitMilliseconds: UInt32, WhenShutdownFails)
    case startGuest
    case startReplica(cycle: UInt64, ReplicaPurpose, [NetworkLink], onBase: Bool)
    case stopReplica(ReplicaPurpose, TestVerdict?)
    case commitReplica
    case prepareReplica
    case adoptDisks(cycle: UInt64, diverged: Bool, keepDiverged: Bool)
}

/// What a call was answered with.
enum RunAnswer: Hashable, Sendable {
    case registry(RegistryView)
    case protection(ProtectionEntry)
    case policies([PolicyEntry])
    case status(CycleProgress)
    case history([CycleOutcome])
    case side(SideState)
    case replica(ReplicaState)
    case points([RecoveryPoint])
    case guestStopped(forced: Bool)
    case replicaStarted(StartedReplica)
    case progress(WorkProgress)
    case done
}

/// What a run takes from a policy.
struct PolicyEntry: Hashable, Sendable {
    var name: String
    var shutdownLimitMilliseconds: UInt32
    var whenShutdownFails: WhenShutdownFails
}

/// How far the open cycle of a protection is.
struct CycleProgress: Hashable, Sendable {
    var isOpen: Bool
    var pendingBytes: UInt64
    var totalBytes: UInt64
}

/// What became of a cycle.
struct CycleOutcome: Hashable, Sendable {
    var cycle: UInt64
    var capturedUnixMilliseconds: Int64
    /// Captured from the disks of a guest that was off.
    var isOffline: Bool
    /// A guest that was off shut down by itself; one whose plug was pulled did not.
    var isApplicationConsistent: Bool
    /// Nil: committed.
    var error: OrchestratorError?
}

/// What runs at a host of a protection.
struct SideState: Hashable, Sendable {
    var generation: UInt64
    /// The guest is defined at this host.
    var hasGuest: Bool
    /// It is running or paused there.
    var guestRuns: Bool
    /// A guest started from the replica, for good or as a test.
    var runsReplica: Bool
    var runsTest: Bool
    var hasReplica: Bool
    /// What is wrong with the guest: it runs and may not, or it is off and its disks are not all there is of it.
    var alarm: String
}

/// What a host says of its replica.
struct ReplicaState: Hashable, Sendable {
    var generation: UInt64
    /// The base images are a guest's own disks.
    var isAdopted: Bool
}

/// A guest that was started from a replica.
struct StartedReplica: Hashable, Sendable, Codable {
    var guestName: String
    var cycle: UInt64
    /// From the request's arrival at the agent to the guest's first instruction.
    var startMilliseconds: Int64
    var warnings: [String] = []
}

/// How far background work of an agent is.
struct WorkProgress: Hashable, Sendable {
    var isFinished: Bool
    var doneBytes: UInt64
    var totalBytes: UInt64
}

extension RunCall {
    /// For logs.
    var name: String {
        switch self {
        case .snapshot: "GetSnapshot"
        case .advance(let advance): "AdvanceFailover \(advance.move.rawValue)"
        case .policies: "ListPolicies"
        case .status: "GetStatus"
        case .history: "GetHistory"
        case .trigger: "TriggerCycle"
        case .agent(_, let order): order.name
        }
    }

    /// Only reads, or reports how far work is that goes on by itself: asked with a new identifier each time, because
    /// an answer that was remembered would be an old one.
    var isQuestion: Bool {
        switch self {
        case .snapshot, .policies, .status, .history: true
        case .advance, .trigger: false
        case .agent(_, let order):
            switch order {
            case .describeSide, .describeReplica, .listPoints, .commitReplica, .prepareReplica: true
            case .setSide, .stopGuest, .startGuest, .startReplica, .stopReplica, .adoptDisks: false
            }
        }
    }
}

extension AgentOrder {
    /// As in the protocol.
    var name: String {
        switch self {
        case .describeSide: "DescribeSide"
        case .describeReplica: "DescribeReplica"
        case .listPoints: "ListPoints"
        case .setSide: "SetSide"
        case .stopGuest: "StopGuest"
        case .startGuest: "StartGuest"
        case .startReplica: "StartReplica"
        case .stopReplica: "StopReplica"
        case .commitReplica: "CommitReplica"
        case .prepareReplica: "PrepareReplica"
        case .adoptDisks: "AdoptDisks"
        }
    }
}
