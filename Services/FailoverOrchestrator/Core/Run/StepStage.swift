/// One small call of a step, before the facts of a run are put into it.
enum StepStage: Hashable, Sendable {
    /// Reads the registry, because every change names the version that it was decided on.
    case refresh
    case advance(FailoverMove)
    case readPolicy
    case noteHistory
    case trigger
    case watchCycle
    case awaitDelta
    /// Until no cycle is open, for a while.
    case awaitRest
    case describe(Side)
    case describeReplica
    case listPoints
    case prepare
    case stopGuest
    case startGuest
    /// Whether the source's guest is still off, as it was when its last changes were fetched.
    case requireOff
    /// Whether the guest runs at the target after all, before it is told to stop it there: its start may have come through.
    case lookForGuest
    case setSide(Side, active: Bool)
    case startReplica(ReplicaPurpose)
    case stopReplica(ReplicaPurpose)
    case adopt
    case commitReplica
}

extension RunRecord {
    /// The calls of a step that goes forward.
    func stages(of step: RunStep) -> [StepStage] {
        switch step {
        case .claim: [.refresh, .advance(.begin)]
        case .check:
            switch kind {
            case .planned, .failback: [.describe(.target), .describeReplica, .describe(.source), .readPolicy]
            case .unplanned: [.describe(.target), .describeReplica]
            case .test, .cleanup, .changePoint, .commit, .cancel, .reverse: [.describe(.target)]
            }
        case .checkSource: [.describe(.source)]
        case .prepare: [.prepare]
        case .shutDownSource:
            kind.isPlanned ? [.awaitRest, .stopGuest] : [.describe(.source), .readPolicy, .stopGuest]
        case .lastDelta: [.noteHistory, .trigger, .watchCycle, .awaitDelta]
        case .choosePoint: [.listPoints]
        // Before the side changes everything can still be taken back; and once more when it has, because nothing kept
        // the guest from being started meanwhile.
        case .activate: (kind.isPlanned ? [.requireOff] : []) + [.refresh, .advance(.activateTarget)]
        case .fenceSource: [.setSide(.source, active: false)] + (kind.isPlanned ? [.requireOff] : [])
        case .startReplica: [.setSide(.target, active: true), .startReplica(.failover)]
        // It may not have heard of the fence when that was passed over.
        case .adoptSource: [.setSide(.source, active: false), .adopt]
        case .reverse: [.refresh, .advance(.reverse)]
        case .commitReplica: [.commitReplica]
        case .pend: [.refresh, .advance(.pend)]
        case .startTest: [.startReplica(.test)]
        // The points say what is known of the test's one now.
        case .stopTest: [.stopReplica(.test)] + (facts.point == nil ? [] : [.listPoints])
        case .stopReplica: [.stopReplica(.failover)]
        case .changePoint: [.refresh, .advance(.changePoint)]
        case .commit: [.refresh, .advance(.commit)]
        case .cancel: [.refresh, .advance(.cancel)]
        // Once more, because “bascule recover” may have started it between its stop and the change of sides.
        case .fenceTarget: [.setSide(.target, active: false), .stopReplica(.failover)]
        case .activateSource: [.setSide(.source, active: true)]
        case .startSource: [.startGuest]
        case .release: [.refresh, .advance(.retreat)]
        }
    }

    /// The calls that take a step back. Sides are told after the generation rose, never before, because two active
    /// sides of one generation must not be; so what *fence* did is taken back with *activate*.
    func undoStages(of step: RunStep) -> [StepStage] {
        let sides: [StepStage] = [
            .refresh, .advance(.cancel), .setSide(.target, active: false), .setSide(.source, active: true),
        ]
        return switch step {
        case .claim: sides + [.advance(.retreat)]
        case .shutDownSource: kind == .reverse ? [] : [.startGuest]
        case .activate: sides
        case .startReplica: [.lookForGuest, .stopReplica(.failover)]
        case .startTest: [.stopReplica(.test)]
        case .check, .checkSource, .prepare, .lastDelta, .choosePoint, .fenceSource, .adoptSource, .reverse,
            .commitReplica, .pend, .stopTest, .stopReplica, .changePoint, .commit, .cancel, .fenceTarget,
            .activateSource, .startSource, .release:
            []
        }
    }

    /// Why a step is not needed in this run; nil when it is.
    func reasonToSkip(_ step: RunStep) -> String? {
        switch step {
        case .prepare where !facts.isAdopted:
            "The base at \(facts.target.name) is no guest's own disks."
        case .commitReplica where startsOnBase:
            "The guest runs on its own disks."
        case .shutDownSource where kind == .unplanned && !facts.source.isReachable:
            "\(facts.source.name) does not report to the vault."
        case .lastDelta where kind == .unplanned && facts.sourceStoppedAt == nil:
            "The guest at \(facts.source.name) was not shut down."
        case .fenceSource where kind == .unplanned && !facts.source.isReachable:
            "\(facts.source.name) does not report to the vault; its duties tell it when it is back."
        case .claim, .check, .checkSource, .prepare, .shutDownSource, .lastDelta, .choosePoint, .activate,
            .fenceSource, .startReplica, .adoptSource, .reverse, .commitReplica, .pend, .startTest, .stopTest,
            .stopReplica, .changePoint, .commit, .cancel, .fenceTarget, .activateSource, .startSource, .release:
            nil
        }
    }

    /// Whether an unplanned failover gives its source time in this step: it was asked to reach it, and the vault hears
    /// it. It is told of the fence as patiently only once it answered this run, because one that never did is likely dead.
    func insistsOnSource(in step: RunStep) -> Bool {
        guard kind == .unplanned, facts.source.isReachable else { return false }
        return step == .fenceSource ? facts.sourceRan != nil : [.shutDownSource, .lastDelta].contains(step)
    }

    /// The replica is started on disks that were adopted, which is what failing back is.
    var startsOnBase: Bool { kind.isPlanned && facts.isAdopted }

    /// The question that a stage asks now; nil when the facts say that it is not needed.
    func call(for stage: StepStage, isGoingBack: Bool) -> RunCall? {
        switch stage {
        case .refresh: .snapshot
        case .advance(let move): isTaken(move, isGoingBack: isGoingBack) ? nil : advance(move)
        case .readPolicy: .policies
        case .noteHistory: facts.historyMark == nil ? .history : nil
        case .trigger: .trigger
        case .watchCycle, .awaitRest: .status
        case .awaitDelta: .history
        case .describe(let side): .agent(side, .describeSide)
        case .requireOff: .agent(.source, .describeSide)
        case .lookForGuest: .agent(.target, .describeSide)
        case .describeReplica: .agent(.target, .describeReplica)
        case .listPoints: .agent(.target, .listPoints)
        case .prepare: .agent(.target, .prepareReplica)
        case .stopGuest:
            .agent(
                .source,
                .stopGuest(limitMilliseconds: facts.shutdownLimitMilliseconds, facts.whenShutdownFails))
        case .startGuest:
            isGoingBack && facts.sourceRan != true ? nil : .agent(.source, .startGuest)
        case .setSide(let side, let active):
            isGoingBack && !facts.owesSides
                ? nil : .agent(side, .setSide(active: active, facts.fenceAction))
        case .startReplica(let purpose):
            .agent(
                .target,
                .startReplica(
                    cycle: facts.point?.cycle ?? 0, purpose, facts.networks,
                    onBase: purpose == .failover && startsOnBase))
        case .stopReplica(let purpose): .agent(.target, .stopReplica(purpose, purpose == .test ? request.verdict : nil))
        case .adopt:
            // After anything but a planned failover the old side has gone its own way, whatever it looks like: the
            // first cycle back compares.
            .agent(
                .source,
                .adoptDisks(
                    cycle: facts.point?.cycle ?? facts.failoverCycle, diverged: !kind.isPlanned,
                    keepDiverged: request.keepsDiverged))
        case .commitReplica: .agent(.target, .commitReplica)
        }
    }

    private func advance(_ move: FailoverMove) -> RunCall {
        let cycle =
            switch move {
            case .activateTarget, .changePoint: facts.point?.cycle ?? 0
            case .begin, .retreat, .pend, .commit, .cancel, .reverse: UInt64(0)
            }
        return .advance(
            FailoverAdvance(
                move: move, version: facts.version, cycle: cycle,
                reason: Self.cut("\(kind.words) \(id)", bytes: OrchestratorLimits.reasonBytesMaximum)))
    }

    /// Whether the registry, just read, already is as the move would make it: its answer was lost, or it is not needed.
    private func isTaken(_ move: FailoverMove, isGoingBack: Bool) -> Bool {
        switch move {
        case .begin: facts.isHolder
        case .activateTarget: facts.isHolder && facts.activeSide == .target
        case .pend: facts.state == .commitPending || facts.isReversed || !facts.isHolder
        case .changePoint: facts.failoverCycle == facts.point?.cycle
        case .commit: facts.state == .committed
        case .cancel:
            isGoingBack
                ? !facts.isHolder || facts.activeSide == .source
                : facts.isHolder && facts.activeSide == .source
        case .reverse: facts.isReversed
        case .retreat: !facts.isHolder
        }
    }
}
