import Messages
import SwiftProtobuf

// What each of the scripted sites answers when nothing is twisted.

extension ScriptedSites {
    static func vaultReply(to wire: VaultRequest, _ state: inout State) -> VaultReply.OneOf_Reply {
        guard case .advanceFailover(let advance)? = wire.request else {
            let policy = state.pairPolicy
            return .snapshot(
                .with {
                    $0.hosts = state.hosts
                    $0.protections = [state.protection]
                    $0.pairs = [
                        .with {
                            $0.sourceCloud = "a"
                            $0.targetCloud = "b"
                            $0.policy = policy
                            $0.networks = [
                                .with {
                                    $0.source = "br-a"
                                    $0.target = "br-b"
                                }
                            ]
                        }
                    ]
                })
        }
        state.protection.version += 1
        switch advance.step {
        case .begin:
            state.protection.state = .failingOver
            state.protection.run = advance.run
        case .activateTarget:
            state.protection.generation += 1
            state.protection.activeSide = .target
            state.protection.failoverCycle = advance.cycle
        case .pend:
            state.protection.state = .commitPending
            state.protection.run = ""
        case .reverse:
            (state.protection.sourceHostID, state.protection.targetHostID) =
                (state.protection.targetHostID, state.protection.sourceHostID)
            state.protection.state = .reversing
            state.protection.activeSide = .source
            state.protection.run = ""
        case .retreat:
            state.protection.state = .protected
            state.protection.run = ""
        case .changePoint, .commit, .cancel, .unspecified, .UNRECOGNIZED: break
        }
        return .protection(state.protection)
    }

    static func policyReply(to wire: PolicyRequest, _ state: inout State) -> PolicyReply.OneOf_Reply {
        switch wire.request {
        case .listPolicies:
            return .policies(
                .with { list in
                    list.policies = [
                        .with {
                            $0.name = "fast"
                            $0.shutdownLimitSeconds = 42
                            $0.whenShutdownFails = .destroy
                        },
                        .with {
                            $0.name = "default"
                            $0.shutdownLimitSeconds = 17
                            $0.whenShutdownFails = .stop
                        },
                    ]
                })
        case .triggerCycle:
            state.isTriggered = true
            return .done(PolicyDone())
        case .getStatus:
            return .statuses(.with { $0.statuses = [.with { $0.cycleOpen = state.isTriggered }] })
        case .getHistory:
            if state.isTriggered {
                state.isTriggered = false
                state.cycle += 1
            }
            let cycle = state.cycle
            return .history(
                .with {
                    $0.cycles = [
                        .with {
                            $0.cycle = cycle
                            $0.offline = cycle > 7
                            $0.consistency = cycle > 7 ? .application : .crash
                            $0.capturedUnixMs = 1_700_000_000_000
                        }
                    ]
                })
        case .putPolicy, .deletePolicy, .pullJobs, .reportJob, .finishJob, .failJob, .listWorkers, .drainWorker,
            .resumeWorker, .leaveBoard, nil:
            return .done(PolicyDone())
        }
    }

    static func agentReply(
        to wire: AgentRequest, _ who: String, _ state: inout State
    ) -> AgentReply.OneOf_Reply {
        switch wire.request {
        case .describeSide:
            return .side(
                .with {
                    $0.power = who != "alpha" ? .unspecified : state.guestRuns ? .running : .shutOff
                    $0.hasReplica_p = who == "beta"
                })
        case .describeReplica: return .replica(.with { $0.generation = 4 })
        case .listPoints:
            return .points(
                .with { list in
                    list.points = [UInt64(5), 7].map { cycle in
                        .with {
                            $0.cycle = cycle
                            $0.capturedUnixMs = 1_700_000_000_000
                            $0.consistency = cycle == 5 ? .application : .crash
                            $0.verified = cycle == 7 && state.verdicts.last == .verified
                        }
                    }
                })
        case .stopGuest(let stop):
            state.stopped = stop
            let ran = state.guestRuns
            state.guestRuns = false
            return .guestStopped(.with { $0.wasRunning = ran })
        case .startGuest:
            state.guestRuns = true
            return .done(AgentDone())
        case .startReplica(let start):
            state.started = start
            return .replicaStarted(
                .with {
                    $0.guestName = start.purpose == .test ? "web-test" : "web"
                    $0.cycle = start.cycle
                    $0.startMs = 3
                    $0.warnings = ["br-c leads nowhere: its link is down."]
                })
        case .stopReplica(let stop):
            state.verdicts.append(stop.verdict)
            return .done(AgentDone())
        case .commitReplica, .prepareReplica: return .workProgress(.with { $0.finished = true })
        default:  // The many requests of a generated enum that a run does not make.
            return .done(AgentDone())
        }
    }
}
