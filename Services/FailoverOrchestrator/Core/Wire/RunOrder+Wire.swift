import Messages
import SwiftProtobuf

/// A call as it travels, by who is asked.
enum PeerRequest: Sendable {
    case vault(Messages.VaultRequest.OneOf_Request)
    case policy(Messages.PolicyRequest.OneOf_Request)
    case agent(Messages.AgentRequest.OneOf_Request)
}

extension RunOrder {
    var request: PeerRequest {
        switch call {
        case .snapshot: .vault(.getSnapshot(.init()))
        case .advance(let advance):
            .vault(
                .advanceFailover(
                    .with {
                        $0.protection = protection
                        $0.expectedVersion = advance.version
                        $0.run = run
                        $0.step = advance.move.wire
                        $0.cycle = advance.cycle
                        $0.reason = advance.reason
                    }))
        case .policies: .policy(.listPolicies(.init()))
        case .status: .policy(.getStatus(.with { $0.protection = protection }))
        case .history:
            .policy(
                .getHistory(
                    .with {
                        $0.protection = protection
                        $0.limit = OrchestratorLimits.historyAsked
                    }))
        case .trigger: .policy(.triggerCycle(.with { $0.protection = protection }))
        case .agent(_, let order): .agent(order.request(protection: protection, guestUUID: guestUUID))
        }
    }
}

extension FailoverMove {
    var wire: Messages.FailoverStep {
        switch self {
        case .begin: .begin
        case .retreat: .retreat
        case .activateTarget: .activateTarget
        case .pend: .pend
        case .changePoint: .changePoint
        case .commit: .commit
        case .cancel: .cancel
        case .reverse: .reverse
        }
    }
}

extension ReplicaPurpose {
    var wire: Messages.ReplicaPurpose {
        switch self {
        case .test: .test
        case .failover: .failover
        }
    }
}

extension TestVerdict {
    var wire: Messages.TestVerdict {
        switch self {
        case .verified: .verified
        case .failed: .failed
        }
    }
}

extension AgentOrder {
    /// The generation travels in the envelope.
    func request(protection: String, guestUUID: String) -> Messages.AgentRequest.OneOf_Request {
        switch self {
        case .describeSide:
            .describeSide(
                .with {
                    $0.protection = protection
                    $0.guestUuid = guestUUID
                })
        case .describeReplica: .describeReplica(.with { $0.protection = protection })
        case .listPoints: .listPoints(.with { $0.protection = protection })
        case .setSide(let active, let action):
            .setSide(
                .with {
                    $0.protection = protection
                    $0.guestUuid = guestUUID
                    $0.active = active
                    $0.fenceAction = action.wire
                })
        case .stopGuest(let limit, let action):
            .stopGuest(
                .with {
                    $0.protection = protection
                    $0.guestUuid = guestUUID
                    $0.shutdownLimitMs = limit
                    $0.whenShutdownFails = action.wire
                })
        case .startGuest:
            .startGuest(
                .with {
                    $0.protection = protection
                    $0.guestUuid = guestUUID
                })
        case .startReplica(let cycle, let purpose, let networks, let onBase):
            .startReplica(
                .with {
                    $0.protection = protection
                    $0.cycle = cycle
                    $0.purpose = purpose.wire
                    $0.networks = networks.map(\.wire)
                    $0.onBase = onBase
                })
        case .stopReplica(let purpose, let verdict):
            .stopReplica(
                .with {
                    $0.protection = protection
                    $0.purpose = purpose.wire
                    $0.verdict = verdict?.wire ?? .unspecified
                })
        case .commitReplica: .commitReplica(.with { $0.protection = protection })
        case .prepareReplica: .prepareReplica(.with { $0.protection = protection })
        case .adoptDisks(let cycle, let diverged, let keepDiverged):
            .adoptDisks(
                .with {
                    $0.protection = protection
                    $0.guestUuid = guestUUID
                    $0.cycle = cycle
                    $0.diverged = diverged
                    $0.keepDiverged = keepDiverged
                })
        }
    }
}
