@testable import FailoverOrchestrator

/// A host agent as far as runs see it. Everything that it does is repeatable, as the protocol says.
struct ModelHost: Hashable, Sendable {
    var id: String
    var generation: UInt64 = 1
    var isActive: Bool
    /// The guest of this host runs, from its disks or from a replica.
    var guestRuns: Bool
    /// It was migrated from here to a host that no run knows of, and runs there.
    var isElsewhere = false
    /// It was started and shut down again after it was told to stop, as its disks show.
    var ranAgain = false
    /// Whether it shuts down when it is told to.
    var shutsDown = true
    /// What the guest has written so far, as one number that only rises while it runs.
    var disk: Int?
    /// Content by cycle; nil: no replica.
    var points: [UInt64: Int]?
    var isAdopted = false
    /// The point that the guest was started from, until it is stopped, or its disks are adopted.
    var runsFrom: UInt64?
    var isCommitted = false
    var isOnBase = false
    var testRunsFrom: UInt64?
    /// Background work needs two questions.
    var isWorking = false

    mutating func answer(_ order: AgentOrder, generation asked: UInt64) throws(OrchestratorError) -> RunAnswer {
        guard asked >= generation else {
            throw OrchestratorError(.staleGeneration, "\(id) knows generation \(generation), not \(asked).")
        }
        switch order {
        case .setSide(let active, let action):
            generation = asked
            isActive = active
            if !active, action == .shutDown, runsFrom == nil { guestRuns = false }
            return .done
        case .describeSide:
            return .side(
                SideState(
                    generation: generation, hasGuest: disk != nil, guestRuns: guestRuns,
                    runsReplica: runsFrom != nil && !isOnBase, runsTest: testRunsFrom != nil,
                    hasReplica: points != nil, alarm: alarm))
        case .describeReplica:
            return .replica(ReplicaState(generation: generation, isAdopted: isAdopted))
        case .listPoints:
            let list = (points ?? [:]).keys.sorted().map { Samples.point($0) }
            return .points(list)
        case .stopGuest:
            guestRuns = false
            ranAgain = false
            return .guestStopped(forced: !shutsDown)
        case .startGuest:
            guard isActive else { throw Self.refused("\(id) is not the active side.") }
            guard disk != nil else { throw Self.refused("\(id) has no guest.") }
            guard !isElsewhere else { throw Self.refused("The guest of \(id) was migrated.") }
            guestRuns = true
            return .done
        case .startReplica(let cycle, let purpose, _, let onBase):
            return try start(cycle, purpose, onBase: onBase)
        case .stopReplica(.test, _):
            testRunsFrom = nil
            return .done
        case .stopReplica(.failover, _):
            guard runsFrom != nil else { return .done }
            runsFrom = nil
            guestRuns = false
            disk = nil
            return .done
        case .commitReplica, .prepareReplica:
            if !isWorking {
                isWorking = true
                return .progress(WorkProgress(isFinished: false, doneBytes: 1, totalBytes: 2))
            }
            isWorking = false
            if order == .commitReplica {
                guard let cycle = runsFrom else { throw Self.refused("no replica runs at \(id).") }
                points = [cycle: points?[cycle] ?? 0]
                isCommitted = true
            }
            return .progress(WorkProgress(isFinished: true, doneBytes: 2, totalBytes: 2))
        case .adoptDisks(let cycle, let diverged, _):
            return try adopt(cycle, diverged: diverged)
        }
    }

    private var alarm: String {
        if isElsewhere, disk != nil { return "It was migrated." }
        return ranAgain && !guestRuns ? "It ran again." : ""
    }

    private mutating func start(
        _ cycle: UInt64, _ purpose: ReplicaPurpose, onBase: Bool
    ) throws(OrchestratorError) -> RunAnswer {
        guard let content = points?[cycle] else { throw OrchestratorError(.notFound, "no point \(cycle) at \(id).") }
        switch purpose {
        case .test:
            testRunsFrom = testRunsFrom ?? cycle
            return .replicaStarted(
                StartedReplica(guestName: "web-test", cycle: testRunsFrom ?? 0, startMilliseconds: 9))
        case .failover:
            guard isActive else { throw Self.refused("\(id) is not the active side.") }
            guard !onBase || isAdopted else { throw Self.refused("the base at \(id) was not adopted.") }
            if runsFrom == nil {
                runsFrom = cycle
                disk = content
                isOnBase = onBase
                isCommitted = false
            }
            guestRuns = true
            return .replicaStarted(StartedReplica(guestName: "web", cycle: runsFrom ?? 0, startMilliseconds: 9))
        }
    }

    private mutating func adopt(_ cycle: UInt64, diverged: Bool) throws(OrchestratorError) -> RunAnswer {
        guard !guestRuns else { throw Self.refused("the guest runs at \(id).") }
        guard !isActive else { throw Self.refused("\(id) is the active side.") }
        let adopted = diverged ? [:] : [cycle: disk ?? 0]
        if runsFrom == nil, points == adopted { return .done }
        // Overlays become ordinary replicas again; a guest's own disks stay what they are.
        isAdopted = runsFrom == nil || isOnBase
        runsFrom = nil
        isOnBase = false
        points = adopted
        return .done
    }

    private static func refused(_ message: String) -> OrchestratorError {
        OrchestratorError(.failedPrecondition, message)
    }
}
