// How a run walks through its steps, forward and back.

extension RunStateMachine {
    /// Begins a step, or goes on with it. Nil: it ended, and the run is at the next one.
    mutating func enter(_ index: Int, now: RunTime) -> [RunAction]? {
        let step = record.steps[index].step
        if record.steps[index].attempts == 0 {
            if let reason = record.reasonToSkip(step) {
                end(index, .skipped, reason, now: now)
                record.progress = .forward(index + 1)
                return nil
            }
            record.steps[index].attempts = 1
            record.steps[index].state = .running
            record.steps[index].startedAt = now
        }
        let stages = record.stages(of: step)
        while record.steps[index].stage < stages.count {
            let stage = stages[record.steps[index].stage]
            if let call = record.call(for: stage, isGoingBack: false) {
                return ask(call, stage, at: index, isGoingBack: false, now: now)
            }
            record.steps[index].stage += 1
        }
        end(index, .done, "", now: now)
        record.progress = .forward(index + 1)
        return nil
    }

    /// Takes a step back. Nil: nothing of it is left, and the run is at the one before.
    mutating func enterBack(_ index: Int, _ cause: OrchestratorError, now: RunTime) -> [RunAction]? {
        let stages = record.steps[index].attempts == 0 ? [] : record.undoStages(of: record.steps[index].step)
        while record.steps[index].stage < stages.count {
            let stage = stages[record.steps[index].stage]
            if let call = record.call(for: stage, isGoingBack: true) {
                return ask(call, stage, at: index, isGoingBack: true, now: now)
            }
            record.steps[index].stage += 1
        }
        if !stages.isEmpty, record.steps[index].state == .done {
            record.steps[index].state = .undone
            record.steps[index].endedAt = now
        }
        goBack(to: index - 1, cause)
        return nil
    }

    /// Turns round at a step: it failed, and everything from it on is taken back.
    mutating func takeBack(from index: Int, _ cause: OrchestratorError, now: RunTime) -> [RunAction] {
        if record.steps[index].attempts > 0 { end(index, .failed, cause.message, now: now) }
        record.wait = nil
        record.isAbandonAsked = false
        goBack(to: index, cause)
        return proceed(now: now)
    }

    private mutating func goBack(to index: Int, _ cause: OrchestratorError) {
        record.progress = .back(index, cause)
        guard index >= 0 else { return }
        record.steps[index].stage = 0
        record.steps[index].failingSince = nil
        record.steps[index].failuresInARow = 0
    }

    mutating func end(_ index: Int, _ state: StepRecord.State, _ detail: String, now: RunTime) {
        record.steps[index].state = state
        record.steps[index].endedAt = now
        if !detail.isEmpty { record.steps[index].detail = RunRecord.cut(detail) }
    }

    private mutating func ask(
        _ call: RunCall, _ stage: StepStage, at index: Int, isGoingBack: Bool, now: RunTime
    ) -> [RunAction] {
        let number = number()
        // Nothing keeps an operator from unprotecting the guest meanwhile.
        let looks = record.kind.isUnheld && !call.isQuestion && !hasLooked
        if case .agent = call, !isFresh || looks {
            doing = .freshening(number)
            return storing([.ask(order(.snapshot, number, stage, at: index, isGoingBack: isGoingBack))])
        }
        hasLooked = false
        record.willAsk(stage, now: now)
        doing = .asking(number, stage)
        return storing([.ask(order(call, number, stage, at: index, isGoingBack: isGoingBack))])
    }

    private func order(
        _ call: RunCall, _ number: UInt64, _ stage: StepStage, at index: Int, isGoingBack: Bool
    ) -> RunOrder {
        let facts = record.facts
        var endpoint = ""
        if case .agent(let side, _) = call { endpoint = facts.host(side).endpoint }
        var operation: OperationSeed?
        if !call.isQuestion {
            operation = OperationSeed(
                text: [
                    record.id, "\(index)", isGoingBack ? "back" : "forward", "\(stage)",
                    "\(record.steps[index].attempts)", "\(facts.version)", "\(facts.generation)",
                    "\(facts.triggeredAt?.milliseconds ?? 0)",
                ].joined(separator: "|"))
        }
        return RunOrder(
            number: number, call: call, run: record.id, protection: record.protection, guestUUID: record.guestUUID,
            generation: facts.generation, operation: operation, endpoint: endpoint,
            deadlineMilliseconds: deadline(of: call, in: record.steps[index].step))
    }

    private func deadline(of call: RunCall, in step: RunStep) -> Int64 {
        switch call {
        case .snapshot, .advance: return OrchestratorLimits.vaultDeadlineMilliseconds
        case .policies, .status, .history, .trigger: return OrchestratorLimits.policyDeadlineMilliseconds
        case .agent(let side, let order):
            switch order {
            case .stopGuest(let limit, _): return Int64(limit) + OrchestratorLimits.stopGraceMilliseconds
            case .startReplica: return OrchestratorLimits.startDeadlineMilliseconds
            case .adoptDisks: return OrchestratorLimits.adoptDeadlineMilliseconds
            case .describeSide, .setSide:
                guard record.kind == .unplanned, side == .source else {
                    return OrchestratorLimits.agentDeadlineMilliseconds
                }
                return record.insistsOnSource(in: step)
                    ? OrchestratorLimits.reachDeadlineMilliseconds : OrchestratorLimits.probeDeadlineMilliseconds
            case .describeReplica, .listPoints, .startGuest, .stopReplica, .commitReplica, .prepareReplica:
                return OrchestratorLimits.agentDeadlineMilliseconds
            }
        }
    }
}
