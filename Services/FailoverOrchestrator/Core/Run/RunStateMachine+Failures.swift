// What a run does when a call fails, and when somebody gives it up.

extension RunStateMachine {
    /// How a failing step may be passed over.
    private enum Tolerance {
        case none
        /// After this time, with the reason; only when the peer is silent.
        case silence(Int64)
        /// Whatever it is; what may go away by itself only after this time.
        case everything(after: Int64)
    }

    mutating func failed(
        _ error: OrchestratorError, _ stage: StepStage, at index: Int, now: RunTime
    ) -> [RunAction] {
        let error = Self.named(error, stage, record)
        let step = record.steps[index]
        // Whether one that is silent runs nobody can tell; it is waited for when it is fenced.
        if stage == .requireOff, step.step == .activate, error.isWorthRepeating { return succeed(at: index, now: now) }
        if stage == .startReplica(.failover) {
            record.facts.runsAnotherPoint = error.code == .conflict || error.facts["rule"] == "another-point-runs"
        }
        let since = step.failingSince ?? now
        record.steps[index].failingSince = since
        record.steps[index].failuresInARow += 1
        rewind(stage, at: index)
        switch record.progress {
        case .succeeded, .failed: return []
        case .back:
            // Nothing else is left to turn to, so it is tried for ever, or until somebody passes it over.
            let actions = wait(error, stage, at: index, now: now)
            guard record.isAbandonAsked else { return actions }
            record.isAbandonAsked = false
            do {
                return try abandon(now: now)
            } catch {
                // The vault cannot be passed over; the run waits for it as before.
                return storing(actions)
            }
        case .forward:
            switch tolerance(of: step.step) {
            case .everything(after: let patience)
            where now - since >= patience || !error.isWorthRepeating || Self.hadItsTime(error, stage):
                return passOver(index, error, stage, now: now)
            case .silence(let patience) where error.isWorthRepeating && now - since >= patience:
                return passOver(index, error, stage, now: now)
            case .everything, .silence, .none: break
            }
            let goesBack: Bool
            if !record.isBeyondReturn(at: index) {
                let isPatient = error.isWorthRepeating && !Self.isFinal(error, stage)
                goesBack = !isPatient || now - since >= OrchestratorLimits.patienceMilliseconds
            } else {
                // A vault that refuses has not changed the active side.
                goesBack = step.step == .activate && !error.isWorthRepeating
            }
            if goesBack || record.isAbandonAsked && !record.isBeyondReturn(at: index) {
                return takeBack(from: index, error, now: now)
            }
            if record.isAbandonAsked {
                record.isAbandonAsked = false
                if let actions = abandonForward(at: index, now: now) { return actions }
            }
            return wait(error, stage, at: index, now: now)
        }
    }

    private func tolerance(of step: RunStep) -> Tolerance {
        switch (record.kind, step) {
        case (.unplanned, .shutDownSource), (.unplanned, .lastDelta), (.unplanned, .fenceSource):
            .everything(
                after: record.insistsOnSource(in: step) ? OrchestratorLimits.reachPatienceMilliseconds : 0)
        case (.planned, .fenceSource), (.failback, .fenceSource):
            .silence(OrchestratorLimits.plannedFencePatienceMilliseconds)
        case (_, _): .none
        }
    }

    private mutating func passOver(
        _ index: Int, _ error: OrchestratorError, _ stage: StepStage, now: RunTime
    ) -> [RunAction] {
        if record.steps[index].step == .fenceSource {
            record.warn("\(unfenced(record.facts.source.name, stage)) \(error.message)")
        }
        record.wait = nil
        end(index, .skipped, error.message, now: now)
        record.progress = .forward(index + 1)
        return proceed(now: now)
    }

    /// What is known of a source whose fence was passed over, and no more: one that did not answer may still have heard.
    private func unfenced(_ source: String, _ stage: StepStage) -> String {
        stage == .requireOff
            ? "\(source) took note that its guest may not run, but did not tell whether it is off: look there."
            : "\(source) did not confirm that its guest may not run; unless it heard, its duties tell it when it is back."
    }

    /// Stands still. With a time to try again when that can help by itself.
    private mutating func wait(
        _ error: OrchestratorError, _ stage: StepStage, at index: Int, now: RunTime
    ) -> [RunAction] {
        var until: RunTime?
        if error.isWorthRepeating {
            let doublings = min(record.steps[index].failuresInARow - 1, 10)
            let pause = min(
                OrchestratorLimits.backoffFirstMilliseconds << Int64(doublings),
                OrchestratorLimits.backoffMaximumMilliseconds)
            until = now + pause
        }
        let remedy = record.remedy(for: error, stage, isRepeated: until != nil)
        record.wait = RunWait(sentence: RunRecord.cut(error.message), remedy: RunRecord.cut(remedy), until: until)
        record.steps[index].detail = RunRecord.cut(error.message)
        guard let until else {
            doing = .nothing
            return storing([])
        }
        let number = number()
        doing = .sleeping(number)
        return storing([.wake(at: until, number: number)])
    }

    /// A change of the vault is asked again only with the version read afresh.
    private mutating func rewind(_ stage: StepStage, at index: Int) {
        guard case .advance = stage else { return }
        record.steps[index].stage = 0
    }

    /// The registry could not be read, which is no failure of the host that was to be asked.
    static func unread(_ error: OrchestratorError) -> OrchestratorError {
        guard error.facts["origin"] == "caller" else { return error }
        return OrchestratorError(
            .unavailable, "The vault does not answer. \(error.message)", remedy: "Start the vault.", isRetryable: true)
    }

    /// The vault may answer that it has no such protection. Nil when that is not what it says, or the run has to wait for
    /// somebody because of it.
    mutating func passUnprotected(_ error: OrchestratorError, at index: Int, now: RunTime) -> [RunAction]? {
        guard error.code == .notFound else { return nil }
        if record.kind.isUnheld { return endUnprotected(now: now) }
        // Taken back, a run has nothing to let go of there.
        guard case .back = record.progress else { return nil }
        record.wait = nil
        record.steps[index].stage = record.undoStages(of: record.steps[index].step).count
        return proceed(now: now)
    }

    /// The guest was unprotected while the run was under way. It ends where it is, because its hosts are others' now: the
    /// guest may be protected anew, and be running where the run would stop it.
    mutating func endUnprotected(now: RunTime) -> [RunAction] {
        doing = .nothing
        guard let index = presentIndex else { return [] }
        let cause = OrchestratorError(
            .failedPrecondition, "\(record.guestName) was unprotected while the run was under way.",
            remedy: "See with “bascule status” how it is protected now, and ask again if that is to be reversed.")
        return endHere(at: index, cause.message, later: "The guest was unprotected.", cause, now: now)
    }

    /// The guest did not shut down in the time that it had: asking again would only make it longer.
    private static func isFinal(_ error: OrchestratorError, _ stage: StepStage) -> Bool {
        stage == .stopGuest && error.code == .deadlineExceeded && error.facts["origin"] != "caller"
    }

    /// The guest's time to shut down has passed, as its host says, or nobody answered for as long: an unplanned failover does
    /// not wait for that twice.
    private static func hadItsTime(_ error: OrchestratorError, _ stage: StepStage) -> Bool {
        stage == .stopGuest && (error.code == .deadlineExceeded || error.facts["origin"] == "caller")
    }

    /// Silence as a sentence that says who has to answer.
    private static func named(_ error: OrchestratorError, _ stage: StepStage, _ record: RunRecord) -> OrchestratorError
    {
        guard error.facts["origin"] == "caller", [.unavailable, .deadlineExceeded].contains(error.code) else {
            return error
        }
        var error = error
        switch record.call(for: stage, isGoingBack: false) {
        case .agent(let side, _):
            let host = record.facts.host(side).name
            error.message = "\(host) does not answer. \(error.message)"
            error.remedy = "Start the agent at \(host)."
        case .snapshot, .advance:
            error.message = "The vault does not answer. \(error.message)"
            error.remedy = "Start the vault."
        case .policies, .status, .history, .trigger:
            error.message = "The policy service does not answer. \(error.message)"
            error.remedy = "Start the policy service."
        case nil: break
        }
        return error
    }

    // MARK: Giving up

    /// An operator gives the run up.
    mutating func abandon(now: RunTime) throws(OrchestratorError) -> [RunAction] {
        guard let index = presentIndex else { return [] }
        switch doing {
        case .asking, .freshening:
            // What is under way is waited for, because its outcome decides what there is to take back.
            record.isAbandonAsked = true
            return storing([])
        case .nothing, .sleeping: break
        }
        switch record.progress {
        case .forward:
            guard record.isBeyondReturn(at: index) else {
                return takeBack(from: index, Self.abandonedCause, now: now)
            }
            guard record.wait != nil else { throw Self.refusal("The run goes on, and cannot be taken back here.") }
            guard let actions = abandonForward(at: index, now: now) else {
                throw Self.refusal(
                    "Only “\(record.steps[index].step.rawValue)” is left, and without it the protection stays held.")
            }
            return actions
        case .back(let index, let cause):
            let stages = record.undoStages(of: record.steps[index].step)
            let stage = record.steps[index].stage
            guard stage < stages.count,
                case .agent(let side, let order)? = record.call(for: stages[stage], isGoingBack: true)
            else { throw Self.refusal("Only the vault is left to be told, and the run has to wait for it.") }
            if stages[stage] == .lookForGuest {
                // Told to stop it later, it would drop what nobody has seen; fenced, it keeps that.
                record.warn(
                    "\(record.guestName) may run at \(record.facts.target.name), which did not tell, and is not stopped "
                        + "there. What it wrote stays: see what runs there.")
                record.steps[index].stage = stages.count
            } else {
                record.warn(
                    "\(record.facts.host(side).name) was not asked any more to do \(order.name), which taking the run "
                        + "back needs: see what runs there.")
                record.steps[index].stage += 1
            }
            if case .setSide(.source, _) = stages[stage] { record.facts.owesSides = false }
            record.steps[index].failuresInARow = 0
            record.steps[index].failingSince = nil
            record.wait = nil
            record.progress = .back(index, cause)
            return proceed(now: now)
        case .succeeded, .failed: return []
        }
    }

    /// After an answer came while somebody wanted the run given up.
    mutating func afterAbandon(now: RunTime) -> [RunAction]? {
        guard record.isAbandonAsked, let index = presentIndex else { return nil }
        record.isAbandonAsked = false
        guard case .forward = record.progress else { return nil }
        guard !record.isBeyondReturn(at: index) else {
            record.warn("It was to be abandoned, but had come too far to be taken back.")
            return nil
        }
        return takeBack(from: index, Self.abandonedCause, now: now)
    }

    /// Beyond the point of no return. Nil: what is left has to be done.
    private mutating func abandonForward(at index: Int, now: RunTime) -> [RunAction]? {
        let step = record.steps[index].step
        switch record.kind {
        case .planned, .failback, .unplanned:
            switch step {
            case .startReplica where record.facts.runsAnotherPoint == true:
                // “bascule recover” was first. What that guest wrote is not this run's to drop.
                return endWithPend(at: index, now: now)
            case .activate, .fenceSource, .startReplica:
                return takeBack(from: index, Self.abandonedCause, now: now)
            case .adoptSource, .reverse:
                // The guest runs and writes: stopping it would lose that. It stays, and the choice is left open.
                return endWithPend(at: index, now: now)
            case .commitReplica:
                return giveUp(at: index, now: now)
            case .claim, .check, .checkSource, .prepare, .shutDownSource, .lastDelta, .choosePoint, .pend,
                .startTest, .stopTest, .stopReplica, .changePoint, .commit, .cancel, .fenceTarget, .activateSource,
                .startSource, .release:
                return nil
            }
        case .cancel:
            switch step {
            // Its guest may serve; only when the vault has lost the host, too, the source is to run without it.
            case .stopReplica where record.facts.target.isReachable: return giveUp(at: index, now: now)
            case .stopReplica, .fenceTarget, .activateSource, .startSource:
                record.warn(
                    "“\(step.title(source: record.facts.source.name, target: record.facts.target.name))” was passed "
                        + "over: see what runs on either side.")
                record.abandoned = record.abandoned ?? record.wentOnWithout
                record.wait = nil
                end(index, .failed, "", now: now)
                record.progress = .forward(index + 1)
                return proceed(now: now)
            case .claim, .check, .checkSource, .prepare, .shutDownSource, .lastDelta, .choosePoint, .activate,
                .fenceSource, .startReplica, .adoptSource, .reverse, .commitReplica, .pend, .startTest, .stopTest,
                .changePoint, .commit, .cancel, .release:
                return nil
            }
        case .test, .cleanup, .changePoint, .commit, .reverse:
            return giveUp(at: index, now: now)
        }
    }

    /// The run ends where it is; asking for the same again goes on from there.
    private mutating func giveUp(at index: Int, now: RunTime) -> [RunAction] {
        let cause = record.leftOff ?? Self.abandonedCause
        return endHere(at: index, record.wait?.sentence ?? "", later: "The run was abandoned.", cause, now: now)
    }

    /// Ends the run at a step, with nothing taken back.
    private mutating func endHere(
        at index: Int, _ detail: String, later reason: String, _ cause: OrchestratorError, now: RunTime
    ) -> [RunAction] {
        end(index, .failed, detail, now: now)
        for later in record.steps.indices where later > index { end(later, .skipped, reason, now: now) }
        record.wait = nil
        record.progress = .failed(cause)
        record.endedAt = now
        return storing([])
    }

    /// The guest stays at the target, and the choice is left open.
    ///
    /// - Parameter isNoted: whether the target's agent knows that it started it; else it is asked for that once more,
    ///   because a commit needs it.
    mutating func endWithPend(at index: Int, isNoted: Bool = true, now: RunTime) -> [RunAction] {
        end(index, .failed, record.wait?.sentence ?? "", now: now)
        for later in record.steps.indices where later > index {
            end(later, .skipped, "The run was abandoned.", now: now)
        }
        record.wait = nil
        record.isAbandonAsked = false
        record.steps[index].failingSince = nil
        record.steps[index].failuresInARow = 0
        record.abandoned = record.leftAtTarget
        let next = record.steps.count
        let isFirst = record.steps.count(where: { $0.step == .startReplica }) == 1
        record.steps += (isNoted || !isFirst ? [] : [StepRecord(.startReplica)]) + [StepRecord(.pend)]
        record.progress = .forward(next)
        return proceed(now: now)
    }

    private static let abandonedCause = OrchestratorError(
        .failedPrecondition, "The run was abandoned.", remedy: "Start it again when what it waited for is there.")

    private static func refusal(_ message: String) -> OrchestratorError {
        OrchestratorError(.failedPrecondition, message, remedy: "See what the run waits for, and mend that.")
    }
}
